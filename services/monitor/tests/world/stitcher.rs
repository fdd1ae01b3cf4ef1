//! What workers and the stitcher do: tiles come back, are marked and encoded, and the stage ends.

use tessera::job::JobStatus;

use super::{Assembly, NOTE_MS, Result, STRIPS, TILES, World};

impl World {
    pub(super) fn work(&mut self) {
        let Some((stage, tile)) = self.tasks.pop_front() else { return };
        if self.is_working() && stage == self.hash.stage && !self.hash.bits.contains(&tile) {
            self.results.push_back(Result::Tile(stage, tile));
        }
    }

    pub(super) fn stitch(&mut self) {
        let is_stale = |assembly: &Assembly| !self.is_working() || assembly.stage != self.hash.stage;
        if self.assembly.as_ref().is_some_and(is_stale) {
            self.assembly = None;
        }
        for _ in 0..3 {
            match self.results.pop_front() {
                Some(Result::Tile(stage, tile)) if self.is_working() && stage == self.hash.stage => {
                    self.claim();
                    if self.hash.bits.insert(tile) {
                        self.moved();
                    }
                    self.compare(Some(Result::Tile(stage, tile)));
                }
                Some(Result::Check(stage)) if self.is_working() && stage == self.hash.stage => {
                    self.heard_ms = self.now_ms;
                    self.claim();
                    self.compare(None);
                    let is_complete = self.assembly.as_ref().is_some_and(|assembly| assembly.is_complete);
                    if !is_complete && self.now_ms - self.hash.progress_ms >= 2_000 {
                        self.jobs.push_back(stage);
                    }
                }
                _ => {}
            }
        }
        self.encode();
    }

    fn claim(&mut self) {
        let stage = self.hash.stage;
        self.assembly.get_or_insert_with(|| Assembly { stage, ..Assembly::default() });
    }

    fn compare(&mut self, record: Option<Result>) {
        let is_complete = self.hash.bits.len() as u32 == TILES;
        let Some(assembly) = &mut self.assembly else { return };
        assembly.is_complete = is_complete;
        if is_complete {
            assembly.held = assembly.held.or(record);
            if self.hash.stage + 1 == self.hash.stages {
                self.hash.status = JobStatus::Finishing;
            }
        }
    }

    /// Encodes a strip; the last ends the stage.
    fn encode(&mut self) {
        let Some(assembly) = self.assembly.as_mut().filter(|assembly| assembly.is_complete) else { return };
        (assembly.encoded, assembly.has_moved) = (assembly.encoded + 1, true);
        if self.now_ms % NOTE_MS == 0 {
            self.hash.progress_ms = self.now_ms;
        }
        if assembly.encoded < STRIPS {
            return;
        }
        self.assembly = None;
        self.moved();
        if self.hash.stage + 1 == self.hash.stages {
            self.hash.status = JobStatus::Done;
            return;
        }
        (self.hash.stage, self.hash.lease) = (self.hash.stage + 1, None);
        self.hash.bits.clear();
        self.make_ready();
        self.jobs.push_back(self.hash.stage);
    }
}
