//! Pixels that a worker put into the store, for a stage whose slots are elsewhere: read from there, and kept here.
//!
//! So a stage that began in this stitcher's spool goes on there, whichever way its tiles come.

use tessera::bus::records::TileHeader;
use tessera::store::{SlotKind, SlotPlace, SlotsOf, Store};

use crate::manifests::KnownJob;

/// A tile's place in the store.
#[derive(Debug)]
pub struct Reference {
    place: SlotPlace,
    index: u32,
    bytes: usize,
    crc32c: u32,
}

impl Reference {
    /// The place of a tile that was held against the plan of its job.
    pub fn new(store: &Store, known: &KnownJob, tile: &TileHeader) -> Self {
        let stage = known.manifest.plan.stage(tile.stage);
        let file = SlotsOf { job: tile.job, run: tile.run, stage: tile.stage, kind: SlotKind::Out };
        Self {
            place: SlotPlace::of(store, file, known.plan, stage.map_or(0, |stage| stage.largest_result_bytes())),
            index: tile.index,
            bytes: stage.and_then(|stage| stage.result_bytes(tile.index)).unwrap_or(0),
            crc32c: tile.crc32c,
        }
    }

    /// The pixels, verified; `None` if they are not there, though the file was opened twice. Blocks.
    pub fn read(&self) -> Option<Vec<u8>> {
        let mut pixels = vec![0; self.bytes];
        let read = self.place.read((self.index, self.index), self.crc32c, &mut pixels);
        read.is_ok().then_some(pixels)
    }
}
