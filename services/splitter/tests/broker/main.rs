//! The splitter on a real Kafka and Redis: what it sends, when it waits, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]
#![cfg(feature = "broker-tests")]

mod cutting;
mod damage;
mod refusing;
mod running;
#[path = "../../../worker/tests/support/mod.rs"]
mod support;
