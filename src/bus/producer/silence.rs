//! Notices a client that has not reached Kafka for a while.
//!
//! Owns since when. Must never call a client silent that was not asked.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// After this a new client is tried: the old one may have lost its way for good, see [`crate::bus::brokers`].
const PATIENCE: Duration = Duration::from_secs(30);
/// Kafka may be away for hours; then a new client does not help, so it is tried ever more rarely.
const LONGEST_PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Since when nothing was reached, and how long that is borne.
    since: Mutex<Option<(Instant, Duration)>>,
}

impl Silence {
    /// Takes note that Kafka was reached.
    pub(super) fn ended(&self) {
        *self.since.lock() = None;
    }

    /// Takes note that Kafka was not reached. `true`: it has not been for too long, and the count starts over.
    pub(super) fn lasts_too_long(&self, now: Instant) -> bool {
        let mut noted = self.since.lock();
        let (since, patience) = noted.get_or_insert((now, PATIENCE));
        let is_too_long = now.duration_since(*since) >= *patience;
        if is_too_long {
            (*since, *patience) = (now, (*patience * 2).min(LONGEST_PATIENCE));
        }
        is_too_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_minute_of_asking_in_vain_is_too_long_and_then_ever_more() {
        let (silence, start) = (Silence::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let too_long: Vec<u64> = (0..300).step_by(10).filter(|second| silence.lasts_too_long(at(*second))).collect();
        assert_eq!(too_long, [30, 90, 210]);
        silence.ended();
        assert!(!silence.lasts_too_long(at(300)), "it was reached meanwhile");
        assert!(silence.lasts_too_long(at(330)));
    }
}
