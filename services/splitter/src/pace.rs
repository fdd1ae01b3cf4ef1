//! How often the watcher looks at the jobs under way: pure, its clock is given.
//!
//! A look asks two questions of Redis for each job. One for about every two tiles keeps that to one question a tile, and
//! the window, which has four tiles for each slot (eight quick ones), does not run dry for it, but for two looks after a
//! long silence.

use std::time::{Duration, Instant};

/// Between two looks at least.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// And at most: so late an end, or another pass that is asked for, is seen.
const LOOK_SELDOM: Duration = Duration::from_millis(250);

/// Tiles that take a slot less than this leave no time for the way there and back: more of them are out at once, and
/// travel together.
const QUICK: Duration = Duration::from_millis(25);

/// The time between looks.
#[derive(Clone, Copy, Debug)]
pub struct LookPace {
    /// What a tile took to come back lately; at most [`LOOK_SELDOM`], so that a long silence is soon forgotten.
    per_tile: Duration,
    /// When one came back last.
    moved: Instant,
    /// Whether any has come back yet.
    has_seen: bool,
}

impl LookPace {
    /// As if tiles came back all the time.
    pub fn new(now: Instant) -> Self {
        Self { per_tile: LOOK_EVERY / 2, moved: now, has_seen: false }
    }

    /// Whether tiles are quick, of which `slots` are run at once.
    pub fn is_quick(&self, slots: u32) -> bool {
        self.has_seen && self.per_tile * slots < QUICK
    }

    /// How long to wait after a look at which `settled` tiles had come back.
    pub fn after(&mut self, settled: usize, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.moved);
        if let Some(settled) = u32::try_from(settled).ok().filter(|settled| *settled > 0) {
            let now_takes = since / settled;
            // Faster tiles are followed at once, as the window may run dry; slower ones step by step.
            let is_faster = now_takes * 2 < self.per_tile;
            self.per_tile = if is_faster { now_takes } else { ((self.per_tile * 3 + now_takes) / 4).min(LOOK_SELDOM) };
            (self.moved, self.has_seen) = (now, true);
        } else if since > self.per_tile * 4 {
            // None comes: they take longer than they did.
            self.per_tile = (since / 4).min(LOOK_SELDOM);
        }
        (self.per_tile * 2).clamp(LOOK_EVERY, LOOK_SELDOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for each tile, when one comes back every `per_tile`.
    fn looks_for_each_tile(per_tile: Duration) -> f64 {
        let start = Instant::now();
        let (mut pace, mut now, mut seen, mut looks) = (LookPace::new(start), start, 0, 0);
        while seen < 200 {
            let back = (now - start).as_nanos() / per_tile.as_nanos();
            let back = usize::try_from(back).unwrap();
            now += pace.after(back - seen, now);
            (seen, looks) = (back, looks + 1);
        }
        f64::from(looks) / seen as f64
    }

    #[test]
    fn tiles_are_looked_at_two_at_a_time_however_long_they_take() {
        for millis in [1, 3, 8, 20, 50, 100, 125] {
            let looks = looks_for_each_tile(Duration::from_millis(millis));
            assert!(looks <= 0.65 || millis < 5, "{looks} looks for each tile of {millis} ms");
            assert!(looks <= 0.65, "{looks} looks for each tile of {millis} ms");
        }
    }

    #[test]
    fn tiles_are_quick_by_the_time_of_a_slot() {
        let start = Instant::now();
        let mut pace = LookPace::new(start);
        assert!(!pace.is_quick(3), "nothing is known of them yet");
        pace.after(2, start + Duration::from_millis(10));
        assert!(pace.is_quick(3) && !pace.is_quick(12) && !pace.is_quick(u32::MAX));
        for second in 1..20 {
            pace.after(1, start + Duration::from_secs(second));
        }
        assert!(!pace.is_quick(3));
    }

    #[test]
    fn a_look_is_never_late() {
        let start = Instant::now();
        let mut pace = LookPace::new(start);
        assert_eq!(pace.after(0, start), LOOK_EVERY);
        assert_eq!(pace.after(0, start + Duration::from_secs(3600)), LOOK_SELDOM);
        // Tiles that come quickly again are seen quickly again.
        let mut now = start + Duration::from_secs(3600);
        pace.after(10, now);
        now += LOOK_SELDOM;
        pace.after(64, now);
        now += Duration::from_millis(10);
        assert_eq!(pace.after(10, now), LOOK_EVERY);
    }
}
