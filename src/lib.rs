//! Tessera: operations on pictures of any size, in tiles spread over workers through Apache Kafka.
//!
//! Dependencies point inward. [`picture`], [`operation`], [`tiling`], [`linking`], [`plan`] and [`pipeline`] are pure:
//! they know no Kafka, Redis, actix, clock or file system. [`bus`] (Kafka), [`state`] (Redis) and [`store`]
//! (objects) are the three edges; [`slots`] are how pixels travel beside records; [`budget`], [`config`], [`naming`], [`telemetry`] and [`time`] serve every program.

pub mod budget;
pub mod bus;
pub mod config;
pub mod ending;
pub mod heartbeat;
pub mod input;
pub mod job;
pub mod linking;
pub mod mending;
pub mod naming;
pub mod operation;
pub mod patience;
pub mod picture;
pub mod pipeline;
pub mod plan;
pub mod pyramid;
pub mod same_store;
pub mod slots;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod tiling;
pub mod time;
