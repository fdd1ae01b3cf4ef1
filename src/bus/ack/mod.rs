//! Ordered acknowledgement: the guard that travels with a record, and the tracker of a partition.
//!
//! Owns what a verdict on a record is and which offset may be committed after it. Must never talk
//! to Kafka, read a clock, or let an offset be committed above a record that is not finished.

mod guard;
mod runs;
mod tracker;

pub use guard::Ack;
pub(crate) use guard::{Decision, Signal, Verdict};
pub use tracker::{Handing, MAX_UNFINISHED, PartitionAcks};
