//! How slowly a peer may move bytes: it is given time, spends it while it is waited for, and earns it with bytes.
//!
//! Plain arithmetic on times that it is given. A pause of ours costs the peer nothing.

use std::time::{Duration, Instant};

/// The most that a peer can owe, so that one who has become fast is soon no debtor.
const MOST_DEBT: Duration = Duration::from_secs(60);

/// The time that a peer has left.
#[derive(Clone, Debug)]
pub struct Credit {
    rate: u64,
    most_us: i64,
    left_us: i64,
    since: Option<Instant>,
}

impl Credit {
    /// At `rate` bytes a second the time that is spent is earned again, up to `most`. At rate 0 no one has to move.
    pub fn new(rate: u64, most: Duration) -> Self {
        let most_us = micros(most);
        Self { rate, most_us, left_us: most_us, since: None }
    }

    /// From now on the peer is waited for, if it was not already.
    pub fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// The peer has moved `bytes` and is no longer waited for.
    pub fn moved(&mut self, now: Instant, bytes: u64) {
        let left = self.left_us(now);
        self.since = None;
        let earned = bytes.saturating_mul(1_000_000).checked_div(self.rate).unwrap_or(u64::MAX);
        self.left_us = left.saturating_add(i64::try_from(earned).unwrap_or(i64::MAX)).min(self.most_us);
    }

    /// When its time is over, if it moves nothing; `None` while it is not waited for.
    pub fn ends(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.rate > 0)?;
        Some(since + Duration::from_micros(u64::try_from(self.left_us).unwrap_or(0)))
    }

    /// The time that it has left in microseconds, below zero if it owes some.
    pub fn left_us(&self, now: Instant) -> i64 {
        if self.rate == 0 {
            return self.most_us;
        }
        let spent = self.since.map_or(0, |since| micros(now.saturating_duration_since(since)));
        (self.left_us - spent).max(-micros(MOST_DEBT))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn time_is_spent_by_waiting_and_earned_by_bytes() {
        let begin = Instant::now();
        let mut credit = Credit::new(1000, 3 * SECOND);
        assert_eq!(credit.ends(), None);
        credit.wait(begin);
        credit.wait(begin + SECOND);
        assert_eq!(credit.ends(), Some(begin + 3 * SECOND));
        credit.moved(begin + 2 * SECOND, 500);
        assert_eq!((credit.left_us(begin + 9 * SECOND), credit.ends()), (1_500_000, None));
        credit.moved(begin + 9 * SECOND, 1 << 40);
        assert_eq!(credit.left_us(begin), 3_000_000);
    }

    #[test]
    fn who_is_faster_than_the_rate_goes_on_for_ever_and_who_is_slower_ends() {
        let run = |bytes: u64| {
            let (begin, mut credit) = (Instant::now(), Credit::new(1000, 10 * SECOND));
            (0..1000)
                .take_while(|second| {
                    credit.wait(begin + SECOND * *second);
                    credit.moved(begin + SECOND * (second + 1), bytes);
                    credit.left_us(begin) > 0
                })
                .count()
        };
        assert_eq!((run(1000), run(900), run(0)), (1000, 99, 9));
    }

    #[test]
    fn debts_are_bounded_and_rate_zero_asks_for_nothing() {
        let now = Instant::now();
        let mut credit = Credit::new(1000, SECOND);
        credit.wait(now);
        credit.moved(now + 3600 * SECOND, 61_000);
        assert_eq!(credit.left_us(now), 1_000_000);
        let mut free = Credit::new(0, SECOND);
        free.wait(now);
        assert_eq!((free.ends(), free.left_us(now + 3600 * SECOND)), (None, 1_000_000));
    }
}
