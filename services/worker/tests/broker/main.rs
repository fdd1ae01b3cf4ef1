//! A worker's process on a real Kafka and Redis: results, duplicates, rubbish, poison, death and drain.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]
#![cfg(feature = "broker-tests")]

mod deaths;
mod names;
mod process;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
