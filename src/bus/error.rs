//! What can go wrong on the bus, by what the caller should do about it.
//!
//! Owns the line between "Kafka is down: wait, and count nothing" and "this will never work". Must
//! never turn an error it does not know into the latter.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::patience::Outage;

/// Why something on the bus did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// Kafka does not answer. Wait with a backoff and try again; it does not count as an attempt.
    #[error("{doing}: Kafka does not answer; check that it runs and that its address is right")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the client said.
        #[source]
        source: Option<KafkaError>,
    },
    /// A topic or partition is missing. Also worth waiting for: it can be made while we run.
    #[error("{doing}: topic {topic} or its partition is missing; run `tessera topics create`")]
    NoTopic {
        /// What was being done.
        doing: &'static str,
        /// The topic's name on the broker.
        topic: String,
    },
    /// The record can never be sent.
    #[error("sending a record to {topic}: {bytes} bytes with its headers, at most {limit} are allowed")]
    TooLarge {
        /// The topic's name on the broker.
        topic: String,
        /// Bytes of key, headers and value with their framing.
        bytes: usize,
        /// The most that fit.
        limit: usize,
    },
    /// Kafka answered, and refused.
    #[error("{doing}: Kafka refused it")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: KafkaError,
    },
    /// The settings make no client.
    #[error("setting up a Kafka client; check the addresses of its brokers")]
    Client(#[source] KafkaError),
    /// The part that would have done it has ended.
    #[error("{0}: the Kafka client has been stopped")]
    Stopped(&'static str),
}

impl BusError {
    /// Whether to wait and try again, without counting an attempt.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoTopic { .. })
    }

    /// What is waited for until the record can be sent after all: a refusal is a setting of the broker, which an
    /// operator can mend.
    #[must_use]
    pub fn awaited(&self) -> &'static str {
        if self.is_unavailable() { "kafka" } else { "a kafka that takes the records" }
    }

    pub(crate) fn of(doing: &'static str, topic: &str, source: KafkaError) -> Self {
        match source.rdkafka_error_code() {
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                Self::NoTopic { doing, topic: topic.to_owned() }
            }
            Some(code) if is_refusal(code) => Self::Refused { doing, source },
            _ => Self::Unavailable { doing, source: Some(source) },
        }
    }
}

impl Outage for BusError {
    fn is_outage(&self) -> bool {
        self.is_unavailable()
    }

    fn dependency(&self) -> &'static str {
        "kafka"
    }
}

fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidMessage
            | Code::InvalidTopic
            | Code::InvalidRecord
            | Code::InvalidConfig
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::PolicyViolation
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::InvalidArgument
            | Code::UnsupportedVersion
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_a_refusal_is_waited_for() {
        let of = |code| BusError::of("testing", "tasks", KafkaError::MessageProduction(code));
        assert!(of(Code::MessageTimedOut).is_unavailable());
        assert!(of(Code::BrokerTransportFailure).is_unavailable());
        assert!(of(Code::UnknownTopicOrPartition).is_unavailable());
        assert!(!of(Code::MessageSizeTooLarge).is_unavailable());
    }
}
