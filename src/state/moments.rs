//! The moments of a job that something is decided by, all told by the clock of Redis.
//!
//! Owns how long ago they were. No process's own clock is compared with another's: one that is an hour off harms nothing.

/// Moments in milliseconds since 1970 by the clock of Redis; 0: there was none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// When the job was looked at.
    pub looked: i64,
    /// When its first pass began, in this run.
    pub started: i64,
    /// When it last moved: a new tile, rows read, a strip encoded, a new stage.
    pub progress: i64,
    /// Until when it counts as waiting in a line for memory or an encoder.
    pub in_line_until: i64,
    /// When a stitcher last read a check of it.
    pub heard: i64,
    /// When it ended.
    pub finished: i64,
}

impl Moments {
    /// Reads the fields of a hash at `looked`.
    pub(super) fn read(mut field: impl FnMut(&str) -> i64, looked: i64) -> Self {
        Self {
            looked,
            started: field("started_ms"),
            progress: field("progress_ms"),
            in_line_until: field("in_line_ms"),
            heard: field("heard_ms"),
            finished: field("finished_ms"),
        }
    }

    /// Milliseconds since the job last moved.
    pub fn idle_ms(&self) -> i64 {
        self.looked.saturating_sub(self.progress).max(0)
    }

    /// Milliseconds since its first pass began, if it did.
    pub fn running_ms(&self) -> Option<i64> {
        (self.started > 0).then(|| self.looked.saturating_sub(self.started).max(0))
    }

    /// Milliseconds since it ended, if that is known by the clock of Redis.
    pub fn ended_ms(&self) -> Option<i64> {
        (self.finished > 0).then(|| self.looked.saturating_sub(self.finished).max(0))
    }

    /// Whether it waits in a line for memory or an encoder.
    pub fn is_in_line(&self) -> bool {
        self.looked < self.in_line_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_was_is_not_long_ago_and_the_future_is_now() {
        let none = Moments { looked: 5_000, ..Moments::default() };
        assert_eq!((none.idle_ms(), none.running_ms(), none.ended_ms(), none.is_in_line()), (5_000, None, None, false));
        let some = Moments { started: 1_000, progress: 9_000, in_line_until: 5_001, finished: 4_000, ..none };
        assert_eq!(
            (some.idle_ms(), some.running_ms(), some.ended_ms(), some.is_in_line()),
            (0, Some(4_000), Some(1_000), true)
        );
    }
}
