//! The slots of a pass: where its tiles lie for the workers to read, and which of them go there.
//!
//! Owns the ring of one pass, and that a tile whose slot cannot be written, or that could not be read from one,
//! goes in its record. Decides nothing about tiles that are out: the gate knows their bits.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tessera::config::Payload;
use tessera::job::JobId;
use tessera::plan::{PlanHash, Stage};
use tessera::slots::{Ring, SlotFile, SlotOwner};
use tessera::state::WindowView;
use tessera::store::{SlotKind, SlotsOf, Store};

use crate::gate::Gate;

/// A stage of one tile of at most so many bytes goes in a record: two files would cost more.
const SMALL_BYTES: usize = 32 << 10;

/// Whether tiles may go by reference now: all workers that live reach this splitter's store, or the setting says so.
#[derive(Clone, Debug)]
pub struct Sharing {
    payload: Payload,
    all_share: Arc<AtomicBool>,
}

impl Sharing {
    /// By the setting; workers are not counted yet.
    pub fn new(payload: Payload) -> Self {
        Self { payload, all_share: Arc::default() }
    }

    /// Takes note of whether all workers that live reach the store.
    pub fn set(&self, all_share: bool) {
        self.all_share.store(all_share, Ordering::Relaxed);
    }

    /// Whether tiles go by reference.
    pub fn is_on(&self) -> bool {
        match self.payload {
            Payload::Auto => self.all_share.load(Ordering::Relaxed),
            Payload::Inline => false,
            Payload::Shared => true,
        }
    }

    /// Whether a stage has files of slots at all.
    fn has_files(&self, stage: &Stage) -> bool {
        let is_small =
            stage.grid().tiles() == 1 && stage.largest_input_bytes().max(stage.largest_result_bytes()) <= SMALL_BYTES;
        match self.payload {
            Payload::Auto => !is_small,
            Payload::Inline => false,
            Payload::Shared => true,
        }
    }
}

/// The slots of one pass.
#[derive(Debug)]
pub struct PassSlots {
    sharing: Sharing,
    file: SlotFile,
    ring: Ring,
    /// Tiles that could not be read from their slots.
    inline: HashSet<u32>,
    job: JobId,
    has_failed: bool,
}

/// The stage that a pass is for.
#[derive(Clone, Copy, Debug)]
pub struct StageOf<'a> {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: u32,
    /// The stage's number.
    pub number: u32,
    /// The job's plan.
    pub plan: PlanHash,
    /// The stage.
    pub stage: &'a Stage,
}

impl PassSlots {
    /// Makes the files of a stage, or opens those of an earlier pass; `None` if the stage has none, or they cannot be
    /// made. Blocks.
    pub fn open(
        sharing: &Sharing,
        store: &Store,
        of: StageOf<'_>,
        view: &WindowView,
        inline: HashSet<u32>,
    ) -> Option<Self> {
        let StageOf { job, run, number, plan, stage } = of;
        if !sharing.has_files(stage) {
            return None;
        }
        let make = |kind| store.make_slots(SlotsOf { job, run, stage: number, kind });
        let made = make(SlotKind::Out).and_then(|_| make(SlotKind::In));
        let owner = SlotOwner { job, stage: number, plan };
        let opened = made.and_then(|file| {
            let file = SlotFile::new(owner, stage.largest_input_bytes(), file);
            let ring = Ring::of((0..file.slots()?).map(|slot| file.tile_in(slot)), |index| view.has(index));
            Ok((file, ring))
        });
        match opened {
            Ok((file, ring)) => Some(Self { sharing: sharing.clone(), file, ring, inline, job, has_failed: false }),
            Err(error) => {
                tracing::warn!(%job, stage = number, %error, "no slots can be made in the store; tiles go in records");
                None
            }
        }
    }

    /// Whether the result of tile `index` may go by reference, and the tile itself.
    pub fn takes(&self, index: u32) -> bool {
        self.sharing.is_on() && !self.inline.contains(&index)
    }

    /// Puts a tile into a slot and says which; `None` if it cannot be written.
    pub fn put(&mut self, index: u32, pixels: &[u8], crc32c: u32, gate: &Gate) -> Option<u32> {
        gate.look(|view| self.ring.settle(|index| view.has(index)));
        let slot = self.ring.place(index);
        match self.file.write(slot, index, pixels, crc32c) {
            Ok(()) => Some(slot),
            Err(error) => {
                self.note(&error);
                None
            }
        }
    }

    /// Said once: every tile of the pass may meet the same.
    fn note(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.has_failed, true) {
            tracing::warn!(job = %self.job, %error, "a slot cannot be written; tiles go in records");
        }
    }
}
