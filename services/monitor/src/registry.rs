//! Who beats: a bounded number of workers, by the time their heartbeats were received.
//!
//! Owns what this monitor has heard itself, for its log; what others see is the worker's key in Redis
//! and its TTL. Believes no clock but its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tessera::heartbeat::Heartbeat;
use tessera::job::{Token, WorkerId};

/// Workers that are known at most; Redis, which is asked first, remembers fewer.
const MAX_WORKERS: usize = 10_000;
/// How long a silent worker is remembered.
const REMEMBER: Duration = Duration::from_secs(3600);

/// The workers that were heard.
#[derive(Debug)]
pub struct Registry {
    heard: HashMap<WorkerId, Heard>,
    ttl: Duration,
    limit: usize,
}

#[derive(Debug)]
struct Heard {
    incarnation: Token,
    at: Instant,
    is_draining: bool,
    is_alive: bool,
}

/// What a heartbeat tells that was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing: it lives on.
    None,
    /// It was not there before, or was dead.
    Arrived,
    /// It was restarted, or two processes use one name.
    Restarted,
    /// There are too many names already; the heartbeat does not count.
    TooMany,
}

/// A worker that is not heard any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Which.
    pub worker: WorkerId,
    /// Whether it said that it stops.
    pub is_expected: bool,
}

impl Registry {
    /// No worker yet; one that is silent for `ttl` counts as dead.
    pub fn new(ttl: Duration) -> Self {
        Self { heard: HashMap::new(), ttl, limit: MAX_WORKERS }
    }

    /// Takes note of a heartbeat received at `now`.
    pub fn hear(&mut self, beat: &Heartbeat, now: Instant) -> News {
        if !self.heard.contains_key(&beat.worker) && self.heard.len() >= self.limit {
            return News::TooMany;
        }
        let is_draining = beat.status == "draining";
        let heard = Heard { incarnation: beat.incarnation.clone(), at: now, is_draining, is_alive: true };
        match self.heard.insert(beat.worker.clone(), heard) {
            Some(before) if before.incarnation != beat.incarnation => News::Restarted,
            Some(before) if before.is_alive => News::None,
            _ => News::Arrived,
        }
    }

    /// How many live, and how many fell silent and are remembered.
    pub fn known(&self) -> (usize, usize) {
        let alive = self.heard.values().filter(|heard| heard.is_alive).count();
        (alive, self.heard.len() - alive)
    }

    /// Those who have been silent for the TTL, each told once.
    pub fn silent(&mut self, now: Instant) -> Vec<Silent> {
        let mut silent = Vec::new();
        for (worker, heard) in &mut self.heard {
            if heard.is_alive && now.saturating_duration_since(heard.at) >= self.ttl {
                heard.is_alive = false;
                silent.push(Silent { worker: worker.clone(), is_expected: heard.is_draining });
            }
        }
        self.heard.retain(|_, heard| now.saturating_duration_since(heard.at) < REMEMBER);
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(worker: &str, incarnation: &Token) -> Heartbeat {
        Heartbeat {
            worker: worker.parse().unwrap(),
            incarnation: incarnation.clone(),
            status: "running".into(),
            host: String::new(),
            pid: 1,
            version: String::new(),
            slots: 1,
            busy: 0,
            tiles_done: 0,
            tiles_failed: 0,
            mean_ms: 0.0,
            stuck_ms: None,
            current: Vec::new(),
            finished: Vec::new(),
            started_at: "2999-01-01T00:00:00Z".into(),
            health_addr: String::new(),
            store: None,
        }
    }

    #[test]
    fn a_worker_arrives_falls_silent_and_comes_back() {
        let (mut registry, start, one) = (Registry::new(Duration::from_secs(15)), Instant::now(), Token::random());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(registry.hear(&beat("a", &one), at(0)), News::Arrived);
        assert_eq!(registry.hear(&beat("a", &one), at(5)), News::None);
        assert!(registry.silent(at(19)).is_empty());
        let silent = Silent { worker: "a".parse().unwrap(), is_expected: false };
        assert_eq!(registry.silent(at(20)), [silent]);
        assert!(registry.silent(at(21)).is_empty(), "told once");
        assert_eq!(registry.hear(&beat("a", &one), at(30)), News::Arrived);
        assert_eq!(registry.hear(&beat("a", &Token::random()), at(31)), News::Restarted);
    }

    #[test]
    fn the_number_of_names_is_bounded_and_old_ones_make_room() {
        let (mut registry, start, one) = (Registry::new(Duration::from_secs(15)), Instant::now(), Token::random());
        registry.limit = 2;
        for name in ["a", "b"] {
            assert_eq!(registry.hear(&beat(name, &one), start), News::Arrived);
        }
        assert_eq!(registry.hear(&beat("c", &one), start), News::TooMany);
        assert_eq!(registry.hear(&beat("a", &one), start), News::None);
        registry.silent(start + REMEMBER);
        assert_eq!(registry.hear(&beat("c", &one), start + REMEMBER), News::Arrived);
    }
}
