//! What can go wrong: processes that end, slots and spools that are lost.

use tessera::job::JobStatus;
use tessera_monitor::stalls::Stalls;

use super::{STALL_MS, Service, World};

impl World {
    /// A process ends: what it had in memory is gone, what it had not acknowledged comes again.
    pub fn crash(&mut self, service: Service) {
        match service {
            Service::Splitter => self.pass = None,
            Service::Worker => {}
            Service::Stitcher => {
                if let Some(held) = self.assembly.take().and_then(|assembly| assembly.held) {
                    self.results.push_front(held);
                }
            }
            Service::Monitor => (self.stalls, self.sent_ms) = (Stalls::new(STALL_MS), None),
        }
    }

    /// The stitcher finds a slot damaged that it had marked.
    pub fn damage_slot(&mut self, tile: u32) {
        if !self.is_working() || !self.hash.bits.remove(&tile) {
            return;
        }
        if self.hash.status == JobStatus::Finishing {
            self.hash.status = JobStatus::Processing;
        }
        if let Some(assembly) = &mut self.assembly {
            (assembly.is_complete, assembly.encoded) = (false, 0);
        }
        self.jobs.push_back(self.hash.stage);
    }

    /// The stitcher's spool is gone, and with it the tiles.
    pub fn lose_spool(&mut self) {
        self.crash(Service::Stitcher);
        self.hash.bits.clear();
        if self.hash.status == JobStatus::Finishing {
            self.hash.status = JobStatus::Processing;
        }
    }
}
