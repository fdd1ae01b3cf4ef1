//! A worker's sign of life, and what it tells of its tiles.
//!
//! Owns the facts; `bus` knows how they travel, `state` what is kept of them.

use serde::{Deserialize, Serialize};

use crate::job::{JobId, Token, WorkerId};
use crate::store::StoreId;

/// A tile that a worker has in hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentTile {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: u32,
    /// The tile.
    pub index: u32,
    /// The operations.
    pub operations: String,
    /// Since when, in milliseconds before the heartbeat.
    pub for_ms: u64,
}

/// What became of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TileOutcome {
    /// Its operations were run.
    Done,
    /// They cannot be run: it is dead-lettered.
    Failed,
}

/// A tile that a worker is finished with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishedTile {
    /// Which tile of this start, from 1: heartbeats may tell of one twice.
    pub number: u64,
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: u32,
    /// The tile.
    pub index: u32,
    /// The operations.
    pub operations: String,
    /// Milliseconds that they took.
    pub ms: f64,
    /// What became of it.
    pub outcome: TileOutcome,
    /// When, in milliseconds before the heartbeat.
    pub ago_ms: u64,
}

/// What a worker says of itself every few seconds. Times are the receiver's; none is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who.
    pub worker: WorkerId,
    /// Which start of that worker.
    pub incarnation: Token,
    /// `running` or `draining`.
    pub status: String,
    /// Name of its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Tiles that it can run at once.
    pub slots: u32,
    /// Tiles that it runs now.
    pub busy: u32,
    /// Tiles finished since this start.
    pub tiles_done: u64,
    /// Tiles that ended as dead letters since this start.
    pub tiles_failed: u64,
    /// Mean time of a tile in milliseconds since this start.
    pub mean_ms: f64,
    /// Milliseconds since it last finished a tile, if it has one in hand.
    pub stuck_ms: Option<u64>,
    /// Tiles in hand.
    pub current: Vec<CurrentTile>,
    /// Tiles finished since the last heartbeat that arrived, oldest first; the latest, if they are many.
    #[serde(default)]
    pub finished: Vec<FinishedTile>,
    /// When it started, RFC 3339 UTC, by its own clock: for people only.
    pub started_at: String,
    /// Where its health page listens.
    pub health_addr: String,
    /// The store that it reaches as a file system, if it reaches one: tiles can come to it by reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
}

impl Heartbeat {
    /// Tiles in hand that are read at most.
    pub const MAX_CURRENT: usize = 128;
    /// Finished tiles that are told at most.
    pub const MAX_FINISHED: usize = 100;
    /// What a worker does.
    pub const STATUSES: [&'static str; 2] = ["running", "draining"];
    /// Slots of a worker at most.
    pub const MAX_SLOTS: u32 = 1024;
    /// Bytes of a text at most.
    const MAX_TEXT: usize = 128;
    /// Bytes of a tile's operations at most.
    const MAX_OPERATIONS: usize = 256;
    /// The largest number that every reader of JSON has exactly.
    const MAX_COUNT: u64 = 1 << 53;

    /// Nothing that a worker would not say: pages and sums show it.
    ///
    /// # Errors
    /// What no worker would say.
    pub fn check(&self) -> Result<(), &'static str> {
        let plain = |text: &str, longest: usize| text.len() <= longest && !text.chars().any(char::is_control);
        let texts = [&self.host, &self.version, &self.started_at, &self.health_addr];
        let operations = self.current.iter().map(|tile| &tile.operations);
        let operations = operations.chain(self.finished.iter().map(|tile| &tile.operations));
        if self.current.len() > Self::MAX_CURRENT || self.finished.len() > Self::MAX_FINISHED {
            return Err("too long a list");
        }
        let texts_fit = texts.into_iter().all(|text| plain(text, Self::MAX_TEXT));
        if !texts_fit || !operations.into_iter().all(|text| plain(text, Self::MAX_OPERATIONS)) {
            return Err("a text that is too long or has control characters");
        }
        if !Self::STATUSES.contains(&self.status.as_str()) {
            return Err("another status than running or draining");
        }
        let times = self.finished.iter().map(|tile| tile.ms).chain([self.mean_ms]);
        let counts = self.finished.iter().flat_map(|tile| [tile.number, tile.ago_ms]);
        let counts = counts.chain(self.current.iter().map(|tile| tile.for_ms)).chain(self.stuck_ms);
        let mut counts = counts.chain([self.tiles_done, self.tiles_failed]);
        let is_time = |ms: f64| (0.0..=Self::MAX_COUNT as f64).contains(&ms);
        let slots_fit = self.slots <= Self::MAX_SLOTS && self.busy <= self.slots;
        if !slots_fit || !counts.all(|count| count <= Self::MAX_COUNT) || !times.into_iter().all(is_time) {
            return Err("numbers that no worker has");
        }
        Ok(())
    }

    /// Takes over what an older heartbeat of the same start tells of finished tiles.
    pub fn follow(&mut self, older: Self) {
        if older.incarnation != self.incarnation {
            return;
        }
        let first = self.finished.first().map_or(u64::MAX, |tile| tile.number);
        let mut finished: Vec<FinishedTile> = older.finished.into_iter().filter(|tile| tile.number < first).collect();
        finished.append(&mut self.finished);
        self.finished = finished.split_off(finished.len().saturating_sub(Self::MAX_FINISHED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat() -> Heartbeat {
        Heartbeat {
            worker: "host-1".parse().unwrap(),
            incarnation: Token::random(),
            status: "running".to_owned(),
            host: "host".to_owned(),
            pid: 7,
            version: "0.1.0".to_owned(),
            slots: 2,
            busy: 2,
            tiles_done: 1 << 53,
            tiles_failed: 1,
            mean_ms: 12.5,
            stuck_ms: None,
            current: Vec::new(),
            finished: Vec::new(),
            started_at: "2026-01-01T00:00:00.000Z".to_owned(),
            health_addr: "127.0.0.1:1".to_owned(),
            store: None,
        }
    }

    #[test]
    fn what_no_worker_would_say_is_refused() {
        assert_eq!(beat().check(), Ok(()));
        let long = || "x".repeat(129);
        let lies = [
            Heartbeat { tiles_done: 1 << 63, ..beat() },
            Heartbeat { tiles_failed: u64::MAX, ..beat() },
            Heartbeat { slots: u32::MAX, ..beat() },
            Heartbeat { slots: 2000, busy: 0, ..beat() },
            Heartbeat { busy: 3, ..beat() },
            Heartbeat { mean_ms: 1e300, ..beat() },
            Heartbeat { mean_ms: -1.0, ..beat() },
            Heartbeat { mean_ms: f64::NAN, ..beat() },
            Heartbeat { stuck_ms: Some(u64::MAX), ..beat() },
            Heartbeat { status: "dead".to_owned(), ..beat() },
            Heartbeat { status: String::new(), ..beat() },
            Heartbeat { host: long(), ..beat() },
            Heartbeat { version: "1\u{1b}[31m".to_owned(), ..beat() },
            Heartbeat { started_at: long(), ..beat() },
            Heartbeat { health_addr: "a\nb".to_owned(), ..beat() },
        ];
        for lie in lies {
            assert!(lie.check().is_err(), "{lie:?}");
        }
    }
}
