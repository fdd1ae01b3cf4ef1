//! What the polling thread remembers from one round to the next.
//!
//! Owns no rule: when something is due is for those who look here.

use std::time::Instant;

use super::pauses::{Closed, Pauses};
use super::watchdog::Watchdog;

/// What the loop remembers from one round to the next.
pub(super) struct Rounds {
    pub(super) watchdog: Watchdog,
    pub(super) committed_at: Instant,
    pub(super) probed_at: Instant,
    pub(super) reminded_at: Instant,
    pub(super) lag_shown_at: Instant,
    pub(super) full_since: Option<Instant>,
    pub(super) pauses: Pauses,
    pub(super) closed: Closed,
    /// Set by a stop: when to give up waiting for records in flight.
    pub(super) stop_at: Option<Instant>,
    /// Set when nobody takes records any more.
    pub(super) is_deserted: bool,
}

impl Rounds {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            watchdog: Watchdog::new(),
            committed_at: now,
            probed_at: now,
            reminded_at: now,
            lag_shown_at: now,
            full_since: None,
            pauses: Pauses::default(),
            closed: Closed::default(),
            stop_at: None,
            is_deserted: false,
        }
    }
}
