//! Tiles whose pixels are to be sent in records, because they could not be read from their slots.
//!
//! Owns the set of them, which a stage keeps to its end, so that no tile is sent by reference a second time.

use std::collections::HashSet;

use super::client::State;
use super::error::StateError;
use super::script;
use crate::job::JobId;

impl State {
    /// Notes tiles of a stage for the next pass; those that are in their slots, or of no such stage, are not noted.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn ask_inline(&self, job: JobId, stage: u32, tiles: &[u32]) -> Result<(), StateError> {
        let call = script::ASK_INLINE.call().key(self.keys.job(job)).key(self.keys.tiles(job, stage));
        let answer = self.script(call.key(self.keys.inline(job, stage)).arg(stage).args(tiles)).await?;
        match answer.word() {
            "made" | "ended" => Ok(()),
            "unknown" => self.believe_unknown().await,
            _ => Err(answer.unexpected()),
        }
    }

    /// The tiles of a stage whose pixels are to be sent in records.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn inline_tiles(&self, job: JobId, stage: u32) -> Result<HashSet<u32>, StateError> {
        self.query(redis::cmd("SMEMBERS").arg(self.keys.inline(job, stage))).await
    }
}
