//! What workers did last: the tiles that they finished, of all their starts.
//!
//! A list of a hundred for each worker, for people only. Written by heartbeats, see [`State::beat`].

use serde::{Deserialize, Serialize};

use super::client::State;
use super::error::StateError;
use crate::heartbeat::{FinishedTile, TileOutcome};
use crate::job::{JobId, WorkerId};
use crate::time;

/// The oldest that a finished tile is believed to be.
const MAX_AGO_MS: u64 = 24 * 3600 * 1000;

/// A tile in a worker's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerTile {
    /// When it was finished.
    pub at: String,
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
}

impl WorkerTile {
    /// A tile that a heartbeat tells of that was received at `now_ms`.
    pub(super) fn of(tile: &FinishedTile, now_ms: i64) -> Self {
        let at = time::text(now_ms.saturating_sub(tile.ago_ms.min(MAX_AGO_MS).cast_signed()));
        let FinishedTile { job, stage, index, ms, outcome, .. } = *tile;
        Self { at, job, stage, index, operations: tile.operations.clone(), ms, outcome }
    }

    /// As a line of the list.
    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl State {
    /// The tiles that a worker finished last, newest first; those of its earlier starts, too.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn worker_history(&self, worker: &WorkerId) -> Result<Vec<WorkerTile>, StateError> {
        let lines: Vec<String> =
            self.query(redis::cmd("LRANGE").arg(self.keys.worker_history(worker)).arg(0).arg(-1)).await?;
        Ok(lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}
