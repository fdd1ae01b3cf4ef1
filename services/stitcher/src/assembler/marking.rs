//! From pixels to marks: tiles go to their slots, then Redis is told, then their records are acknowledged.

use std::collections::HashSet;
use std::sync::Arc;

use tessera::bus::Ack;
use tessera::bus::records::PayloadKind;
use tessera::job::JobId;
use tessera::patience::insist;
use tessera::state::{Mark, Marked, StateError};
use tracing::Instrument;

use super::putting::{Pixels, Put, Putted, timed};
use super::{Assembler, Placed};
use crate::backends::Trouble;
use crate::encoding::product::StageProduct;
use crate::reference::Reference;

/// A tile whose pixels are in its slot.
pub(super) struct Stored {
    pub(super) mark: Mark,
    pub(super) ack: Ack,
}

impl Assembler {
    /// Takes tiles of claimed stages in.
    pub(super) async fn put_tiles(&mut self, tiles: Vec<Placed>) -> Result<(), Trouble> {
        if tiles.is_empty() {
            return Ok(());
        }
        let (mut puts, mut waiting, mut now_known) = (Vec::new(), Vec::new(), HashSet::new());
        let (wholes, tiles): (Vec<_>, Vec<_>) = tiles.into_iter().partition(|placed| placed.tile.result.is_some());
        for placed in wholes {
            let (job, span, result) = (placed.tile.job, self.span_of(placed.tile.job), placed.tile.result.clone());
            let Some(result) = result else { continue };
            if let Err(trouble) = self.take_whole(placed, result).instrument(span).await {
                self.spoiled(job, trouble).await?;
            }
        }
        for Placed { tile, pixels, ack } in tiles {
            // Without an assembly (its claim was lost to a later record of this batch) the tile comes again.
            let Some(assembly) = self.assemblies.get(&tile.job).filter(|found| found.number == tile.stage) else {
                ack.put_off();
                continue;
            };
            if !tile.payload.is_inline() && tile.run != assembly.run {
                self.backends.counts.dropped();
                ack.done();
                continue;
            }
            let is_known = assembly.strips.contains(tile.index) || !now_known.insert((assembly.id, tile.index));
            let slots = Arc::clone(&assembly.slots);
            self.backends.counts.came(tile.payload);
            let pixels = match tile.payload {
                PayloadKind::Inline => Pixels::Here(pixels),
                PayloadKind::Shared if slots.are_shared() => Pixels::InSlot,
                PayloadKind::Shared => Pixels::InStore(Reference::new(&self.backends.store, &assembly.known, &tile)),
            };
            puts.push(Put { slots, index: tile.index, pixels, crc32c: tile.crc32c, is_known });
            let mark = Mark {
                job: tile.job,
                stage: tile.stage,
                token: assembly.token.clone(),
                index: tile.index,
                worker_number: tile.worker_number,
                attempt: tile.attempt,
                run_ms: tile.ms.run,
            };
            waiting.push(Stored { mark, ack });
        }
        let outcomes = tokio::task::spawn_blocking(move || puts.into_iter().map(timed).collect::<Vec<_>>()).await;
        let outcomes = outcomes.map_err(|error| Trouble::of_thread(&error))?;
        let outcomes = waiting.iter().zip(outcomes).map(|(tile, (outcome, took))| {
            if let Some(assembly) = self.assemblies.get_mut(&tile.mark.job) {
                assembly.stitching += took;
            }
            outcome
        });
        let outcomes = outcomes.collect();
        self.after_puts(waiting, outcomes).await
    }

    async fn after_puts(&mut self, waiting: Vec<Stored>, outcomes: Vec<Putted>) -> Result<(), Trouble> {
        let (mut stored, mut differing, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let mut absent = Vec::new();
        for (tile, outcome) in waiting.into_iter().zip(outcomes) {
            match outcome {
                Putted::Held => stored.push(tile),
                Putted::Differs => differing.push(tile),
                Putted::Absent => absent.push(tile),
                Putted::Failed(error) => failed.push((tile, error)),
                Putted::Panicked => tile.ack.fail("keeping its pixels panicked; please report it"),
            }
        }
        self.mark(stored).await?;
        for tile in differing {
            let (job, span) = (tile.mark.job, self.span_of(tile.mark.job));
            if let Err(trouble) = self.differs(tile).instrument(span).await {
                self.spoiled(job, trouble).await?;
            }
        }
        for tile in absent {
            let (job, span) = (tile.mark.job, self.span_of(tile.mark.job));
            if let Err(trouble) = self.absent(tile).instrument(span).await {
                self.spoiled(job, trouble).await?;
            }
        }
        for (tile, error) in failed {
            let (job, span) = (tile.mark.job, self.span_of(tile.mark.job));
            if let Err(trouble) = self.no_room(tile, &error).instrument(span).await {
                self.spoiled(job, trouble).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn mark(&mut self, stored: Vec<Stored>) -> Result<(), Trouble> {
        if stored.is_empty() {
            return Ok(());
        }
        let (marks, acks): (Vec<Mark>, Vec<Ack>) = stored.into_iter().map(|tile| (tile.mark, tile.ack)).unzip();
        let marked = insist(&self.backends.shutdown, "marking tiles", || self.backends.state.mark(&marks)).await?;
        for ((mark, ack), marked) in marks.into_iter().zip(acks).zip(marked) {
            self.backends.counts.marked(marked);
            let span = self.span_of(mark.job);
            if let Err(trouble) = self.marked(&mark, ack, marked).instrument(span).await {
                self.spoiled(mark.job, trouble).await?;
            }
        }
        Ok(())
    }

    async fn marked(&mut self, mark: &Mark, mut ack: Ack, marked: Marked) -> Result<(), Trouble> {
        let Some(assembly) = self.assemblies.get_mut(&mark.job).filter(|found| found.token == mark.token) else {
            // Dropped by an earlier tile of this batch: the record comes again, or is another's.
            ack.put_off();
            return Ok(());
        };
        match marked {
            Marked::New | Marked::Known => {
                assembly.strips.insert(mark.index);
                ack.done();
            }
            Marked::Complete => {
                ack.release_slot();
                assembly.held.push(ack);
                self.completed(mark.job).await?;
            }
            Marked::Fenced => {
                tracing::info!(job = %mark.job, stage = mark.stage, "another spool has the stage now");
                self.drop_assembly(mark.job);
                ack.retry();
            }
            Marked::Ended => {
                if let Some(assembly) = self.drop_assembly(mark.job) {
                    if let Some(StageProduct::Stored { object, .. }) = assembly.whole.clone() {
                        self.backends.remove_unless_published(object);
                    }
                    self.remove_tiles(&assembly);
                    assembly.held.into_iter().for_each(Ack::done);
                }
                ack.done();
            }
            Marked::Damaged => {
                let damage = StateError::Data("a key of the job holds what does not belong there".to_owned());
                self.troubled(mark.job, ack, Trouble::State(damage)).await?;
            }
        }
        Ok(())
    }

    /// Redis has all tiles of a stage marked.
    pub(super) async fn completed(&mut self, job: JobId) -> Result<(), Trouble> {
        let Some(assembly) = self.assemblies.get_mut(&job) else { return Ok(()) };
        if assembly.is_complete {
            return Ok(());
        }
        let is_whole = assembly.is_whole();
        if is_whole && assembly.whole.is_none() {
            return self.whole_completed(job).await;
        }
        assembly.complete();
        if assembly.is_last() {
            let token = assembly.token.clone();
            let ask = || self.backends.state.finishing(job, &token);
            insist(&self.backends.shutdown, "saying that a job is finishing", ask).await?;
        }
        if is_whole {
            return self.whole_completed(job).await;
        }
        Ok(())
    }
}
