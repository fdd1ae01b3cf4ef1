//! What the monitor does: the real stalls, on what Redis shows.

use tessera::job::JobStatus;
use tessera_monitor::stalls::{Advice, Hope, Look, Signs};

use super::{Result, Service, TILES, World};

impl World {
    pub(super) fn sweep(&mut self) {
        let is_leased = self.hash.lease.is_some_and(|(_, until)| self.now_ms < until);
        let received = self.hash.bits.len() as u32;
        let has_workers = !self.down.contains(&Service::Worker);
        let hope = Hope::of(Signs {
            is_queued: self.hash.is_ready && !is_leased,
            is_in_line: false,
            is_unheard: self.sent_ms.is_some_and(|sent| self.heard_ms < sent),
            is_away: received < TILES && !has_workers,
            is_in_hand: false,
        });
        let look = Look {
            job: self.job,
            status: self.hash.status,
            run: 1,
            stage: self.hash.stage,
            received,
            total: TILES,
            passes: self.hash.passes,
            idle_ms: self.now_ms - self.hash.progress_ms,
            hope,
        };
        match self.stalls.look(&look, self.now_ms) {
            Advice::Fine => {}
            Advice::Check { again } => {
                self.results.push_back(Result::Check(look.stage));
                self.stalls.checked(&look, self.now_ms);
                self.sent_ms = Some(self.now_ms);
                if again && hope != Hope::Unheard && received < TILES {
                    self.make_ready();
                }
            }
            Advice::GiveUp { .. } => self.hash.status = JobStatus::Failed,
        }
    }
}
