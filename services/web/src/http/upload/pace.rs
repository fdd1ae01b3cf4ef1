//! How slowly an upload may come: an idle deadline and a least rate.
//!
//! Counts only the time that is spent waiting for the sender, so that a slow disk of ours cuts nobody off.

use std::time::Duration;

/// Waiting for this long is never too slow: connections begin slowly.
const GRACE: Duration = Duration::from_secs(10);

/// The pace of one upload.
#[derive(Clone, Debug)]
pub struct Pace {
    idle: Duration,
    least_rate: u64,
    waited: Duration,
    bytes: u64,
}

/// An upload that comes too slowly.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TooSlow {
    /// Nothing came.
    #[error("the upload sent nothing for {0} seconds")]
    Idle(u64),
    /// Too little came.
    #[error("the upload is slower than min_upload_rate, {0} bytes a second")]
    Rate(u64),
}

impl Pace {
    /// An upload that may be idle for `idle` and must come at `least_rate` bytes a second on average.
    pub fn new(idle: Duration, least_rate: u64) -> Self {
        Self { idle, least_rate, waited: Duration::ZERO, bytes: 0 }
    }

    /// How long the next bytes are waited for.
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// What to say when the next bytes did not come in that time.
    pub fn idled(&self) -> TooSlow {
        TooSlow::Idle(self.idle.as_secs())
    }

    /// Counts bytes that were waited for.
    ///
    /// # Errors
    /// If the average has fallen below the least rate.
    pub fn arrived(&mut self, waited: Duration, bytes: usize) -> Result<(), TooSlow> {
        self.waited += waited;
        self.bytes += bytes as u64;
        let due = u128::from(self.least_rate) * self.waited.as_millis() / 1000;
        if self.waited > GRACE && u128::from(self.bytes) < due {
            return Err(TooSlow::Rate(self.least_rate));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_every_two_seconds_is_cut_after_the_grace() {
        let mut pace = Pace::new(Duration::from_secs(20), 4096);
        let chunks = (0..).take_while(|_| pace.arrived(Duration::from_secs(2), 1).is_ok()).count();
        assert_eq!(chunks, 5);
    }

    #[test]
    fn time_that_is_not_waited_for_the_sender_does_not_count() {
        let mut pace = Pace::new(Duration::from_secs(20), 4096);
        for _ in 0..1000 {
            pace.arrived(Duration::from_millis(100), 410).unwrap();
        }
        assert_eq!(pace.arrived(Duration::from_millis(100), 0), Err(TooSlow::Rate(4096)));
    }
}
