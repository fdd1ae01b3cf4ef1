//! Kafka: topics, records, producing, consuming and acknowledging in order.
//!
//! Owns everything that is said over the bus and how it is delivered, which is at least once. Decides
//! nothing about jobs. What a peer sends is checked here before anything is allocated for it.

pub mod ack;
pub mod admin;
mod brokers;
pub mod consumer;
pub mod counters;
mod dead_letter;
mod error;
pub mod headers;
mod log;
mod outgoing;
pub mod partition;
pub mod producer;
pub mod records;
mod settings;
pub mod topics;

pub use ack::Ack;
pub use consumer::{Consumer, ConsumerStatus, Delivery, MAX_ATTEMPTS};
pub use dead_letter::dead_letter;
pub use error::BusError;
pub use headers::Headers;
pub use outgoing::{Outgoing, RawRecord};
pub use producer::{Delivered, Producer};
pub use settings::ConsumerOptions;
pub use topics::{Group, Topic, TopicSettings};

#[cfg(test)]
#[cfg(feature = "broker-tests")]
mod tests;
