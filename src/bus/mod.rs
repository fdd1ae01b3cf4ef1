//! Kafka: topics, records, producing, consuming and acknowledging in order.
//!
//! Owns everything that is said over the bus and how it is delivered, which is at least once. Decides
//! nothing about jobs. What a peer sends is checked here before anything is allocated for it.

pub mod ack;
pub mod headers;
pub mod partition;
pub mod records;
pub mod topics;

pub use ack::Ack;
pub use headers::Headers;
pub use topics::{Group, Topic, TopicSettings};
