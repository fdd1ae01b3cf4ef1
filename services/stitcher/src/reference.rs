//! Pixels that a worker put into the store, for a stage whose slots are elsewhere: read from there, and kept here.
//!
//! So a stage that began in this stitcher's spool goes on there, whichever way its tiles come.

use tessera::bus::records::TileHeader;
use tessera::slots::{SlotFile, SlotOwner};
use tessera::store::{SlotKind, SlotsOf, Store};

use crate::manifests::KnownJob;

/// A tile's place in the store.
#[derive(Debug)]
pub struct Reference {
    store: Store,
    file: SlotsOf,
    owner: SlotOwner,
    index: u32,
    largest: usize,
    bytes: usize,
    crc32c: u32,
}

impl Reference {
    /// The place of a tile that was held against the plan of its job.
    pub fn new(store: &Store, known: &KnownJob, tile: &TileHeader) -> Self {
        let stage = known.manifest.plan.stage(tile.stage);
        Self {
            store: store.clone(),
            file: SlotsOf { job: tile.job, run: tile.run, stage: tile.stage, kind: SlotKind::Out },
            owner: SlotOwner { job: tile.job, stage: tile.stage, plan: known.plan },
            index: tile.index,
            largest: stage.map_or(0, |stage| stage.largest_result_bytes()),
            bytes: stage.and_then(|stage| stage.result_bytes(tile.index)).unwrap_or(0),
            crc32c: tile.crc32c,
        }
    }

    /// The pixels, verified; `None` if they are not there, though the file was opened twice. Blocks.
    pub fn read(&self) -> Option<Vec<u8>> {
        let mut pixels = vec![0; self.bytes];
        (0..2).find_map(|_| {
            let file = self.store.open_slots(self.file).ok()?;
            let slots = SlotFile::new(self.owner, self.largest, file);
            let crc32c = slots.read(self.index, self.index, &mut pixels).ok()?;
            (crc32c == self.crc32c).then_some(())
        })?;
        Some(pixels)
    }
}
