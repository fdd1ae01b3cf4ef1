//! What a plan takes of disks while it is carried out.

use super::{Plan, Stage};

/// Bytes beside each tile in a spool, and the grain of its places: what a spool takes at most.
const SLOT_GRAIN: u64 = 4096;

/// Bytes that a job needs at once, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskNeed {
    /// For the tiles of one stage, where scratch files are.
    pub spool: u64,
    /// For the rows between two stages and the result, in the store. The result counts as its samples do:
    /// how far they can be compressed is not known before.
    pub store: u64,
}

impl Plan {
    /// What the job needs of disks, beside its original.
    pub fn disk_need(&self) -> DiskNeed {
        let spool = |stage: &Stage| {
            let slot = (stage.largest_result_bytes() as u64).saturating_add(SLOT_GRAIN / 2);
            slot.next_multiple_of(SLOT_GRAIN).saturating_mul(stage.grid().tiles().into())
        };
        let read = |stage: &Stage| if stage.input == self.input { 0 } else { stage.input.bytes() };
        let store = |stage: &Stage| read(stage).saturating_add(stage.output.bytes());
        DiskNeed {
            spool: self.stages.iter().map(spool).max().unwrap_or(0),
            store: self.stages.iter().map(store).max().unwrap_or(0),
        }
    }
}
