//! Notices a consumer that asks, gets nothing and reports no error although there are records, or a Kafka that it
//! does not reach.
//!
//! Owns the count of time spent asking without an answer. Must never count time in which nothing was asked.

use std::time::Duration;

/// Vain asking after which the lag is looked at.
const PATIENCE: Duration = Duration::from_secs(30);
/// A log may hold nothing readable above the position, and Kafka may be away for hours; then rebuilding does not
/// help, so it is tried ever more rarely.
const LONGEST_PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Watchdog {
    in_vain: Duration,
    patience: Duration,
}

impl Watchdog {
    pub(super) fn new() -> Self {
        Self { in_vain: Duration::ZERO, patience: PATIENCE }
    }

    /// Takes note of time spent asking for records and getting none. `true`: look at the lag.
    pub(super) fn asked_in_vain(&mut self, time: Duration) -> bool {
        self.in_vain += time;
        let is_due = self.in_vain >= self.patience;
        if is_due {
            self.in_vain = Duration::ZERO;
        }
        is_due
    }

    /// Takes note of a record.
    pub(super) fn received(&mut self) {
        *self = Self::new();
    }

    /// Takes note that the client was replaced.
    pub(super) fn rebuilt(&mut self) {
        self.in_vain = Duration::ZERO;
        self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_after_half_a_minute_of_vain_asking_and_then_more_rarely() {
        let mut watchdog = Watchdog::new();
        let second = Duration::from_secs(1);
        assert_eq!((1..=60).filter(|_| watchdog.asked_in_vain(second)).count(), 2);
        watchdog.rebuilt();
        assert_eq!((1..=60).filter(|_| watchdog.asked_in_vain(second)).count(), 1);
        watchdog.received();
        assert_eq!((1..30).filter(|_| watchdog.asked_in_vain(second)).count(), 0);
        watchdog.received();
        assert!(!watchdog.asked_in_vain(second * 29), "a record restarts the count");
    }
}
