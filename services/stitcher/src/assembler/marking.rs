//! From pixels to marks: tiles go to their slots, then Redis is told, then their records are acknowledged.

use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::bus::Ack;
use tessera::bus::records::PayloadKind;
use tessera::job::JobId;
use tessera::state::{Mark, Marked, StateError};

use super::{Assembler, Placed};
use crate::assembly::Mismatch;
use crate::backends::Trouble;
use crate::reference::Reference;
use crate::spool::{SlotError, Slots};
use tessera::patience::insist;
use tracing::Instrument;

/// Pixels on their way to a slot.
struct Put {
    slots: Arc<Slots>,
    index: u32,
    pixels: Pixels,
    crc32c: u32,
    /// The slot holds a tile already, so the pixels are only compared with it.
    is_known: bool,
}

/// Where pixels are before they are put into a slot.
enum Pixels {
    /// They came with their record.
    Here(Vec<u8>),
    /// A worker has put them there already.
    InSlot,
    /// A worker has put them into the store, and this stage's slots are elsewhere.
    InStore(Reference),
}

/// What became of them.
enum Putted {
    /// The slot holds them.
    Held,
    /// They are not where their record says.
    Absent,
    /// The slot holds others.
    Differs,
    /// The spool does not take them.
    Failed(io::Error),
    /// The code panicked.
    Panicked,
}

/// A tile whose pixels are in its slot.
struct Stored {
    mark: Mark,
    ack: Ack,
}

impl Assembler {
    /// Takes tiles of claimed stages in.
    pub(super) async fn put_tiles(&mut self, tiles: Vec<Placed>) -> Result<(), Trouble> {
        if tiles.is_empty() {
            return Ok(());
        }
        let (mut puts, mut waiting, mut now_known) = (Vec::new(), Vec::new(), HashSet::new());
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

    async fn mark(&mut self, stored: Vec<Stored>) -> Result<(), Trouble> {
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
        assembly.complete();
        if assembly.is_last() {
            let token = assembly.token.clone();
            let ask = || self.backends.state.finishing(job, &token);
            insist(&self.backends.shutdown, "saying that a job is finishing", ask).await?;
        }
        Ok(())
    }

    /// A tile came with other bytes than its slot has: one of the two is wrong, and it is unknown which.
    async fn differs(&mut self, tile: Stored) -> Result<(), Trouble> {
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
    async fn absent(&mut self, tile: Stored) -> Result<(), Trouble> {
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
    async fn ask(&mut self, job: JobId, tiles: &[u32], reason: String, inline: &[u32]) -> Result<(), Trouble> {
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

    async fn no_room(&mut self, tile: Stored, error: &io::Error) -> Result<(), Trouble> {
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

fn timed(one: Put) -> (Putted, Duration) {
    let begun = Instant::now();
    (catch_unwind(AssertUnwindSafe(|| put(one))).unwrap_or(Putted::Panicked), begun.elapsed())
}

/// Puts pixels into their slot, or compares them with what it holds. Blocks.
fn put(put: Put) -> Putted {
    let Put { slots, index, pixels, crc32c, is_known } = put;
    match pixels {
        Pixels::Here(pixels) => keep(&slots, index, pixels, (crc32c, is_known)),
        Pixels::InSlot => find(&slots, index, crc32c),
        Pixels::InStore(reference) => match reference.read() {
            Some(pixels) => keep(&slots, index, pixels, (crc32c, is_known)),
            None => Putted::Absent,
        },
    }
}

fn keep(slots: &Slots, index: u32, pixels: Vec<u8>, (crc32c, is_known): (u32, bool)) -> Putted {
    let slots = match slots.open() {
        Ok(slots) => slots,
        Err(error) => return Putted::Failed(error),
    };
    if is_known {
        match slots.stored_crc32c(index) {
            Ok(stored) if stored == crc32c => return Putted::Held,
            Ok(_) => return Putted::Differs,
            // The slot lost its tile; these are its bytes.
            Err(SlotError::Bad { .. }) => {}
            Err(SlotError::Spool { source, .. }) => return Putted::Failed(source),
        }
    }
    match slots.write(index, pixels, crc32c) {
        Ok(()) => Putted::Held,
        Err(error) => Putted::Failed(error),
    }
}

/// Looks whether a slot says that it holds a tile; opens it once more if it does not. Its pixels are verified when they
/// are read.
fn find(slots: &Slots, index: u32, crc32c: u32) -> Putted {
    for _ in 0..2 {
        let slots = match slots.open() {
            Ok(slots) => slots,
            Err(error) => return Putted::Failed(error),
        };
        match slots.stored_crc32c(index) {
            Ok(stored) if stored == crc32c => return Putted::Held,
            Ok(_) => return Putted::Differs,
            Err(SlotError::Bad { .. }) => {}
            Err(SlotError::Spool { source, .. }) => return Putted::Failed(source),
        }
    }
    Putted::Absent
}
