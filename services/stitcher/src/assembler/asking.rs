//! Tiles that cannot be marked: with other bytes than before, not where they should be, or without room. They are asked
//! for again, or their job fails.

use std::io;

use tessera::job::JobId;
use tessera::patience::insist;

use super::Assembler;
use super::marking::Stored;
use crate::assembly::Mismatch;
use crate::backends::Trouble;

impl Assembler {
    /// A tile came with other bytes than its slot has: one of the two is wrong, and it is unknown which.
    pub(super) async fn differs(&mut self, tile: Stored) -> Result<(), Trouble> {
        let (job, index) = (tile.mark.job, tile.mark.index);
        let Some(assembly) = self.assemblies.get_mut(&job).filter(|found| found.token == tile.mark.token) else {
            tile.ack.put_off();
            return Ok(());
        };
        let number = assembly.number;
        self.backends.counts.differed();
        tracing::warn!(%job, stage = number, index, "a tile came twice with different bytes");
        match assembly.mismatch(index) {
            Mismatch::First => {
                self.ask_again(job, &[index], format!("tile {index} came with different bytes")).await?;
            }
            Mismatch::Again => {
                let reason = format!("tile {index} of stage {number} came with different bytes again and again");
                self.fail(job, &reason).await?;
            }
        }
        tile.ack.done();
        Ok(())
    }

    /// A record says that its pixels are in the store, and they are not: the tile is asked for once more, with them.
    pub(super) async fn absent(&mut self, tile: Stored) -> Result<(), Trouble> {
        let (job, index) = (tile.mark.job, tile.mark.index);
        if self.assemblies.get(&job).is_none_or(|found| found.token != tile.mark.token) {
            tile.ack.put_off();
            return Ok(());
        }
        self.backends.counts.absent();
        tracing::warn!(%job, stage = tile.mark.stage, index, "a tile is not in the slot that its record names");
        // Whatever slots this claim has: the worker's does not hold the tile, and a worker writes over no header.
        self.ask(job, &[index], format!("tile {index} is not in its slot"), &[index]).await?;
        tile.ack.done();
        Ok(())
    }

    /// Clears the marks of tiles whose slots are bad, and asks for them: with their pixels, if workers write the slots.
    pub(super) async fn ask_again(&mut self, job: JobId, tiles: &[u32], reason: String) -> Result<(), Trouble> {
        let is_shared = self.assemblies.get(&job).is_some_and(|assembly| assembly.slots.are_shared());
        self.ask(job, tiles, reason, if is_shared { tiles } else { &[] }).await
    }

    /// Clears the marks of tiles and asks for them; for those of `inline` with their pixels.
    pub(super) async fn ask(
        &mut self,
        job: JobId,
        tiles: &[u32],
        reason: String,
        inline: &[u32],
    ) -> Result<(), Trouble> {
        let Some(assembly) = self.assemblies.get_mut(&job) else { return Ok(()) };
        let (number, token) = (assembly.number, assembly.token.clone());
        for index in tiles.iter().copied() {
            let ask = || self.backends.state.unmark(job, number, &token, index);
            insist(&self.backends.shutdown, "clearing a mark", ask).await?;
            assembly.take_out(index);
        }
        self.backends.resend_inline(&assembly.known, number, reason, inline);
        Ok(())
    }

    pub(super) async fn no_room(&mut self, tile: Stored, error: &io::Error) -> Result<(), Trouble> {
        let job = tile.mark.job;
        if self.assemblies.get(&job).is_none_or(|found| found.token != tile.mark.token) {
            // Another record of this batch ended the claim: under a new one there may be room.
            tile.ack.put_off();
            return Ok(());
        }
        if error.kind() == io::ErrorKind::NotFound {
            // The spool was removed from outside: the next record claims the stage with a new one.
            tracing::warn!(%job, "the spool has gone");
            self.drop_assembly(job);
            tile.ack.retry();
            return Ok(());
        }
        let is_shared = self.assemblies.get(&job).is_some_and(|found| found.slots.are_shared());
        self.fail(job, &spool_failure(error, is_shared)).await?;
        tile.ack.done();
        Ok(())
    }
}

/// What the sender of a job reads when its tiles cannot be kept, in the store or on the stitcher's own disk.
pub(super) fn spool_failure(error: &io::Error, is_shared: bool) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded if is_shared => "the store is full".to_owned(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the stitcher's disk is full".to_owned(),
        _ => format!("the stitcher's spool failed: {error}"),
    }
}
