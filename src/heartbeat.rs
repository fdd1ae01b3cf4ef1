//! A worker's sign of life, and what it tells of its tiles.
//!
//! Owns the facts; `bus` knows how they travel, `state` what is kept of them.

use serde::{Deserialize, Serialize};

use crate::job::{JobId, Token, WorkerId};

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
}

impl Heartbeat {
    /// Tiles in hand that are read at most.
    pub const MAX_CURRENT: usize = 128;
    /// Finished tiles that are told at most.
    pub const MAX_FINISHED: usize = 100;

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
