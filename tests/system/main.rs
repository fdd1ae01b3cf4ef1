//! The whole system: real processes, a real Kafka and a real Redis, and what may befall them.
//!
//! Run with `./ops/test`, which starts brokers of its own. Tests assert pixels, committed offsets and
//! keys, and wait on conditions.

#[path = "../support/mod.rs"]
mod support;

mod clocks;
mod command;
mod crashes;
mod crews;
mod dependencies;
mod features;
mod first_light;
mod formats;
mod freezes;
mod linking;
mod logs;
mod losses;
mod memory;
mod metrics;
mod outages;
mod previews;
mod records;
mod requests;
mod settings;
mod slots;
mod statistics;
mod stores;
mod tracing;
mod turns;
mod watching;
mod wholes;
