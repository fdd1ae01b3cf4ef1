//! A worker's sign of life.

use serde::{Deserialize, Serialize};

use super::{RecordError, check_schema, read_json, write_json};
use crate::bus::Headers;
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

/// A record on `heartbeats`, keyed by worker. Times are the receiver's; none is sent.
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
    /// What its records say they are.
    pub const SCHEMA: &'static str = "heartbeat/1.1";
    /// Tiles in hand that are read at most.
    pub const MAX_CURRENT: usize = 128;
    /// Finished tiles that are told at most.
    pub const MAX_FINISHED: usize = 100;

    /// The record's headers and value.
    pub fn encode(&self) -> (Vec<(&'static str, String)>, Vec<u8>) {
        (vec![("schema", Self::SCHEMA.to_owned())], write_json(self).into_bytes())
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If it is no heartbeat.
    pub fn decode(headers: &Headers, payload: &[u8]) -> Result<Self, RecordError> {
        check_schema(headers, Self::SCHEMA)?;
        let beat: Self = read_json(payload)?;
        let short = |text: &str| text.len() <= 256;
        let texts = [&beat.status, &beat.host, &beat.version, &beat.started_at, &beat.health_addr];
        let lists = beat.current.len() <= Self::MAX_CURRENT && beat.finished.len() <= Self::MAX_FINISHED;
        let operations = beat.current.iter().map(|tile| &tile.operations);
        let operations = operations.chain(beat.finished.iter().map(|tile| &tile.operations));
        if !lists || !texts.into_iter().chain(operations).all(|text| short(text)) {
            return Err(RecordError::Size("a heartbeat with too long a text or list".to_owned()));
        }
        Ok(beat)
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
