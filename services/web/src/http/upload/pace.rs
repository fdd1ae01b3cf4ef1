//! How slowly an upload may come: an idle deadline, a least rate, and a deadline for the whole by its size.
//!
//! The rate counts only the time that is spent waiting for the sender, so that a slow disk of ours cuts no sender off.

use std::time::{Duration, Instant};

/// Waiting for this long is never too slow: connections begin slowly.
const GRACE: Duration = Duration::from_secs(10);

/// What an upload may take beside the time that its size needs at the least rate.
const TOTAL_GRACE: Duration = Duration::from_secs(60);

/// The pace of one upload.
#[derive(Clone, Debug)]
pub struct UploadPace {
    idle: Duration,
    least_rate: u64,
    end: Option<Instant>,
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
    /// It is not there when all of it should be.
    #[error("the upload is not there after the time that its size needs at min_upload_rate, {0} bytes a second")]
    Whole(u64),
}

impl UploadPace {
    /// An upload that begins now, may be idle for `idle` and must come at `least_rate` bytes a second on average. It has
    /// `most_bytes` at most. With rate 0 it may come as slowly as it likes.
    pub fn new(idle: Duration, least_rate: u64, most_bytes: u64) -> Self {
        let whole = most_bytes.checked_div(least_rate).map(|seconds| TOTAL_GRACE + Duration::from_secs(seconds));
        let end = whole.and_then(|whole| Instant::now().checked_add(whole));
        Self { idle, least_rate, end, waited: Duration::ZERO, bytes: 0 }
    }

    /// How long the next bytes are waited for from `now` on.
    pub fn patience(&self, now: Instant) -> Duration {
        self.end.map_or(self.idle, |end| self.idle.min(end.saturating_duration_since(now)))
    }

    /// What to say at `now` when the next bytes did not come in that time.
    pub fn idled(&self, now: Instant) -> TooSlow {
        if self.is_over(now) { TooSlow::Whole(self.least_rate) } else { TooSlow::Idle(self.idle.as_secs()) }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// Counts bytes that were waited for.
    ///
    /// # Errors
    /// If the average has fallen below the least rate, or the whole should be there.
    pub fn arrived(&mut self, asked: Instant, now: Instant, bytes: usize) -> Result<(), TooSlow> {
        if self.is_over(now) {
            return Err(TooSlow::Whole(self.least_rate));
        }
        self.waited += now.saturating_duration_since(asked);
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

    const SECOND: Duration = Duration::from_secs(1);
    const LARGE: u64 = 1 << 40;

    /// After how many chunks of `bytes`, each waited for as long as `wait`, it is cut.
    fn chunks(mut pace: UploadPace, wait: Duration, bytes: usize) -> (usize, TooSlow) {
        let mut now = Instant::now();
        for count in 0..1_000_000 {
            let asked = now;
            now += wait;
            if let Err(error) = pace.arrived(asked, now, bytes) {
                return (count, error);
            }
        }
        panic!("it is never cut");
    }

    #[test]
    fn a_byte_every_two_seconds_is_cut_after_the_grace() {
        let cut = chunks(UploadPace::new(20 * SECOND, 4096, LARGE), 2 * SECOND, 1);
        assert_eq!(cut, (5, TooSlow::Rate(4096)));
    }

    #[test]
    fn time_that_is_not_waited_for_the_sender_does_not_count() {
        let mut pace = UploadPace::new(20 * SECOND, 4096, LARGE);
        let mut now = Instant::now();
        for _ in 0..1000 {
            // A second each is ours.
            now += SECOND;
            pace.arrived(now, now + SECOND / 10, 410).unwrap();
        }
        assert_eq!(pace.arrived(now, now + SECOND / 10, 0), Err(TooSlow::Rate(4096)));
    }

    #[test]
    fn the_whole_has_the_time_that_its_size_needs() {
        let pace = UploadPace::new(20 * SECOND, 1000, 100_000);
        let begin = Instant::now();
        assert_eq!(pace.patience(begin), 20 * SECOND);
        assert!(pace.patience(begin + 155 * SECOND) <= 5 * SECOND);
        assert_eq!(pace.idled(begin + 161 * SECOND), TooSlow::Whole(1000));
        assert_eq!(pace.idled(begin), TooSlow::Idle(20));
        // Faster than the rate, and still there when all should be: it sends more than it has said.
        let (count, error) = chunks(pace, SECOND, 2000);
        assert_eq!(error, TooSlow::Whole(1000));
        assert!((159..=160).contains(&count), "{count}");
        assert_eq!(UploadPace::new(SECOND, 0, LARGE).patience(begin + 1_000_000 * SECOND), SECOND);
    }
}
