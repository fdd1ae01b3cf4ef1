//! Records on their way out: ours, and those that are passed on as they came.
//!
//! Owns what a record needs to be sent and what it weighs. Must never send.

use bytes::Bytes;

use super::{Headers, Topic};
use crate::job::TraceContext;

/// Framing of a record and of its batch, at most; librdkafka counts it against the limit too.
const FRAMING_BYTES: usize = 128;
/// Framing of one header, at most.
const HEADER_FRAMING_BYTES: usize = 10;

/// A record of ours to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub topic: Topic,
    /// Its key; records of one key go to one partition.
    pub key: Option<String>,
    /// Its partition, if the key does not decide it.
    pub partition: Option<i32>,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its value.
    pub payload: Bytes,
}

impl Outgoing {
    /// The same record as the next step of a trace, if it belongs to one.
    #[must_use]
    pub fn traced(mut self, trace: Option<&TraceContext>) -> Self {
        self.headers.extend(trace.map(|trace| (TraceContext::HEADER, trace.child().to_string())));
        self
    }
}

/// A record to be sent whose key and headers may be any bytes.
#[derive(Debug, Clone)]
pub struct RawRecord {
    /// Where to.
    pub topic: Topic,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its partition, if the key does not decide it.
    pub partition: Option<i32>,
    /// Its headers.
    pub headers: Headers,
    /// Its value.
    pub payload: Bytes,
}

impl RawRecord {
    /// Its size as the broker will count it, rounded up.
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len() + HEADER_FRAMING_BYTES).sum();
        FRAMING_BYTES + headers + self.key.as_ref().map_or(0, Vec::len) + self.payload.len()
    }
}

impl From<Outgoing> for RawRecord {
    fn from(record: Outgoing) -> Self {
        let Outgoing { topic, key, partition, headers, payload } = record;
        Self { topic, key: key.map(String::into_bytes), partition, headers: headers.into_iter().collect(), payload }
    }
}
