//! What a plan takes of disks while it is carried out.

use super::{Makes, Plan, Stage};

/// Bytes beside each tile in a spool, and the grain of its places: what a spool takes at most.
const SLOT_GRAIN: u64 = 4096;

/// What tiles on their way to workers take at most: a window's bytes, and those of slots that are not full.
const RING_BYTES: u64 = 96 << 20;

/// Bytes that a job needs at once, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskNeed {
    /// For the tiles of one stage, where scratch files are.
    pub spool: u64,
    /// For the tiles of one stage on their way and back, where they go by slots of the store; nothing is then on scratch.
    pub slots: u64,
    /// For the rows between two stages and the result, in the store. The result counts as its samples do:
    /// how far they can be compressed is not known before.
    pub store: u64,
}

impl Plan {
    /// What the job needs of disks, beside its original.
    pub fn disk_need(&self) -> DiskNeed {
        let spool = |stage: &Stage| {
            if stage.is_whole() {
                return 0;
            }
            let slot = (stage.largest_result_bytes() as u64).saturating_add(SLOT_GRAIN / 2);
            slot.next_multiple_of(SLOT_GRAIN).saturating_mul(stage.grid().tiles().into())
        };
        let read = |number: u32, stage: &Stage| self.source(number).map_or(0, |_| stage.input.bytes());
        let written = |stage: &Stage| match stage.makes {
            Makes::Statistic => 0,
            Makes::Result => stage.output.bytes().saturating_mul(stage.copies()),
            Makes::Pixels | Makes::Map => stage.output.bytes(),
        };
        let store = |(number, stage): (u32, &Stage)| read(number, stage).saturating_add(written(stage));
        let ring = |stage: &Stage| {
            if stage.is_whole() {
                return 0;
            }
            let slot = (stage.largest_input_bytes() as u64).saturating_add(SLOT_GRAIN / 2).next_multiple_of(SLOT_GRAIN);
            slot.saturating_mul(stage.grid().tiles().into()).min(RING_BYTES.saturating_add(slot))
        };
        let slots = |stage: &Stage| spool(stage).saturating_add(ring(stage));
        DiskNeed {
            slots: self.stages.iter().map(slots).max().unwrap_or(0),
            spool: self.stages.iter().map(spool).max().unwrap_or(0),
            store: (0..).zip(&self.stages).map(store).max().unwrap_or(0),
        }
    }
}
