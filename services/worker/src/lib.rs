//! The worker: takes tiles from `tasks`, runs their operations, and sends the results to `results`.
//!
//! A tile's way is `TaskRunner`: decode, compare with the plan, take, read, run, produce, acknowledge. Around it are four actors:
//! `TaskFeed` hands out tasks, `TileExecutor` runs kernels on threads, `ResultPublisher` sends until
//! Kafka has it, `Heart` says that the worker lives. Pixels come and go with the records or by slots of the
//! store ([`exchange`]); a picture that is run [`whole`] is read from the store and its result written there. Holds nothing that a restart would lose: a tile
//! whose result is not acknowledged by Kafka stays uncommitted and comes again.

mod actors;
pub mod condemned;
mod config;
pub mod counters;
mod error;
mod exchange;
mod gather;
mod identity;
mod memory;
mod plans;
pub mod progress;
mod pyramids;
mod service;
pub mod tile;
mod whole;

pub use config::WorkerConfig;
pub use error::WorkerError;
pub use identity::Identity;
pub use service::run;
