//! The Kafka client's log lines, as events of ours.
//!
//! Owns their levels. Must never make a line that repeats while a broker is away louder than debug:
//! the state change is logged once, by who notices it.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::error::KafkaError;

/// A client that only logs.
pub(super) struct Logging;

impl ClientContext for Logging {
    fn log(&self, level: Level, facility: &str, text: &str) {
        line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client");
    }
}

impl rdkafka::consumer::ConsumerContext for Logging {}

pub(super) fn line(level: Level, facility: &str, text: &str) {
    match level {
        _ if matches!(facility, "FAIL" | "ERROR" | "REQTMOUT" | "CONFWARN" | "FETCHERR") => {
            tracing::debug!(facility, text, "librdkafka");
        }
        Level::Emerg | Level::Alert | Level::Critical => tracing::error!(facility, text, "librdkafka"),
        Level::Error | Level::Warning => tracing::warn!(facility, text, "librdkafka"),
        Level::Notice | Level::Info => tracing::info!(facility, text, "librdkafka"),
        Level::Debug => tracing::debug!(facility, text, "librdkafka"),
    }
}
