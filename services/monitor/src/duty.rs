//! Which of several monitors acts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this monitor is the active one: the owner of the partition of `heartbeats`.
#[derive(Clone, Debug, Default)]
pub struct Duty(Arc<AtomicBool>);

impl Duty {
    /// Whether it is.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set(&self, is_on: bool) {
        if self.0.swap(is_on, Ordering::Relaxed) != is_on {
            tracing::info!(active = is_on, "this monitor's duty has changed");
        }
    }
}
