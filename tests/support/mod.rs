//! What whole-system tests share: the running services, pictures, requests and bounded waits.
//!
//! Every system has its own topics, keys and folders, all removed when it is dropped.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod brokers;
pub mod http;
pub mod pictures;
pub mod process;
pub mod proxy;
pub mod system;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The longest that any condition is waited for.
pub const LONG: Duration = Duration::from_secs(90);

/// Asks `condition` again and again until it gives a value; fails naming `what` after `limit`.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = condition()? {
            return Ok(value);
        }
        if Instant::now() > end {
            bail!("waited {limit:?} for {what}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A setting that `ops/test` gives; inside these tests a missing one is a failure, never a reason to skip.
pub fn required(variable: &str) -> Result<String> {
    std::env::var(variable).map_err(|_| anyhow::anyhow!("{variable} is not set: run these tests with ./ops/test"))
}
