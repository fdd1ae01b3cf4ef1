//! Outages in the log: one line when something is waited for, one when it is back, with how long it was away.
//!
//! Owns who waits for what. However many wait, however often they ask, it is one outage.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;
use std::time::Instant;

use parking_lot::Mutex;

static OUTAGES: LazyLock<Outages> = LazyLock::new(Outages::default);

/// What is away, since when, and how many wait for it.
#[derive(Debug, Default)]
struct Outages(Mutex<BTreeMap<&'static str, (Instant, usize)>>);

impl Outages {
    /// Counts one more who waits; says whether it is the first.
    fn begin(&self, what: &'static str, now: Instant) -> bool {
        let mut away = self.0.lock();
        let (_, waiting) = away.entry(what).or_insert((now, 0));
        *waiting += 1;
        *waiting == 1
    }

    /// Counts one less; gives the outage's beginning if it was the last.
    fn end(&self, what: &'static str) -> Option<Instant> {
        let mut away = self.0.lock();
        let (since, waiting) = away.get_mut(what)?;
        *waiting = waiting.saturating_sub(1);
        let since = (*waiting == 0).then_some(*since)?;
        away.remove(what);
        Some(since)
    }
}

/// One wait for something that is away, until it is dropped.
#[derive(Debug)]
pub struct Waiting {
    what: &'static str,
    has_come_back: bool,
}

impl Waiting {
    /// Begins to wait for `what` because of `problem`.
    #[must_use]
    pub fn begin(what: &'static str, problem: &dyn Display) -> Self {
        if OUTAGES.begin(what, Instant::now()) {
            tracing::warn!(%problem, "{what} is away; waiting for it");
        }
        Self { what, has_come_back: true }
    }

    /// The wait ends although nothing came back.
    pub fn give_up(&mut self) {
        self.has_come_back = false;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(since) = OUTAGES.end(self.what).filter(|_| self.has_come_back) {
            tracing::info!("{} is back after {} s", self.what, since.elapsed().as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_who_wait_are_one_outage() {
        let (outages, now) = (Outages::default(), Instant::now());
        let begins = (0..1000).filter(|_| outages.begin("kafka", now)).count();
        assert_eq!(begins, 1);
        assert!(outages.begin("redis", now), "another thing is another outage");
        let ends = (0..1000).filter(|_| outages.end("kafka") == Some(now)).count();
        assert_eq!(ends, 1);
        assert!(outages.begin("kafka", now), "the next one is a new one");
    }
}
