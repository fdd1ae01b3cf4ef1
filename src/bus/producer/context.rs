//! What the producing client tells us: delivery reports and log lines.
//!
//! Owns a record's value until its report. Must never block: it runs on the client's polling thread.

use bytes::Bytes;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::delivered::Delivered;
use crate::bus::log;

type Report = Result<Delivered, KafkaError>;

/// A record that is on its way. Lives until its report, and the value with it: the client reads the
/// value in place.
pub(super) struct Pending {
    payload: Bytes,
    reply: oneshot::Sender<Report>,
    _room: OwnedSemaphorePermit,
}

impl Pending {
    pub(super) fn new(payload: Bytes, room: OwnedSemaphorePermit, reply: oneshot::Sender<Report>) -> Box<Self> {
        Box::new(Self { payload, reply, _room: room })
    }

    /// The value; it does not move while the box lives.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

pub(super) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log::line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka producer");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let report = match result {
            // The client takes a refused batch for delivered once a later one of the partition is taken, and does not
            // send it again (its "implicit acknowledgement"). Only an offset proves that a record lies in the log.
            Ok(message) if message.offset() < 0 => {
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut))
            }
            Ok(message) => Ok(Delivered { partition: message.partition(), offset: message.offset() }),
            Err((error, _)) => Err(error.clone()),
        };
        // The sender may no longer wait.
        let _ = pending.reply.send(report);
    }
}
