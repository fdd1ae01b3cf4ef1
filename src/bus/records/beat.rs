//! Heartbeats as records, keyed by worker.

use super::{RecordError, check_schema, read_json, write_json};
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
        let short = |text: &str| text.len() <= 256;
        let texts = [&beat.status, &beat.host, &beat.version, &beat.started_at, &beat.health_addr];
        let lists = beat.current.len() <= Self::MAX_CURRENT && beat.finished.len() <= Self::MAX_FINISHED;
        let operations = beat.current.iter().map(|tile| &tile.operations);
        let operations = operations.chain(beat.finished.iter().map(|tile| &tile.operations));
        if !lists || !texts.into_iter().chain(operations).all(|text| short(text)) {
            return Err(RecordError::Size("a heartbeat with too long a text or list".to_owned()));
        }
        Ok(beat)
    }
}
