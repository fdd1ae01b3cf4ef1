//! Heartbeats as records, keyed by worker.

use super::checks::{RecordError, check_schema, read_json, write_json};
use crate::bus::Headers;
use crate::heartbeat::Heartbeat;

impl Heartbeat {
    /// What its records say they are.
    pub const SCHEMA: &'static str = "heartbeat/1.1";

    /// The record's headers and value.
    pub fn encode(&self) -> (Vec<(&'static str, String)>, Vec<u8>) {
        (vec![("schema", Self::SCHEMA.to_owned())], write_json(self).into_bytes())
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If it is no heartbeat.
    pub fn decode(headers: &Headers, payload: &[u8]) -> Result<Self, RecordError> {
        check_schema(headers, Self::SCHEMA)?;
        let beat: Self = read_json(payload)?;
        beat.check().map_err(|what| RecordError::Size(format!("a heartbeat with {what}")))?;
        Ok(beat)
    }
}
