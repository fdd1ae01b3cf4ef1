//! What the splitter does: it leases the job, reads, and sends tiles through the real gate.

use std::collections::BTreeSet;
use std::time::Instant;

use tessera::job::JobStatus;
use tessera::state::WindowView;
use tessera_splitter::gate::{Clearance, Gate, Stop};
use tessera_splitter::window::Ceiling;

use super::{LEASE_MS, NOTE_MS, Pass, Service, TILES, World};

impl World {
    /// What Redis shows to the splitter's watcher.
    pub fn view(&self, stage: u32) -> WindowView {
        let bits = if stage == self.hash.stage { self.hash.bits.clone() } else { BTreeSet::new() };
        WindowView::of(self.hash.status, (self.hash.stage, 1), self.hash.again, bits)
    }

    /// Leases the job to a new pass, if it is to be had.
    pub fn lease(&mut self) {
        let is_held = self.hash.lease.is_some_and(|(_, until)| self.now_ms < until);
        if !self.hash.is_ready || is_held {
            return;
        }
        let is_readable = matches!(self.hash.status, JobStatus::Queued | JobStatus::Processing);
        if !is_readable || self.hash.bits.len() as u32 == TILES {
            self.hash.is_ready = false;
            return;
        }
        if self.hash.status == JobStatus::Queued {
            self.hash.status = JobStatus::Processing;
            self.moved();
        }
        self.leases += 1;
        (self.hash.lease, self.hash.again) = (Some((self.leases, self.now_ms + LEASE_MS)), false);
        self.hash.passes += 1;
        let gate = Gate::new(self.hash.stage, 1, self.view(self.hash.stage), Ceiling::new(u64::MAX));
        self.pass = Some(Pass { lease: self.leases, stage: self.hash.stage, next: 0, rows: 0, gate });
    }

    fn release(&mut self, pass: &Pass) {
        if self.hash.lease.is_some_and(|(lease, _)| lease == pass.lease) {
            self.hash.lease = None;
            self.hash.is_ready = self.hash.again && self.is_working();
        }
    }

    pub(super) fn split(&mut self) {
        while self.jobs.pop_front().is_some() {
            self.make_ready();
        }
        let Some(mut pass) = self.pass.take() else { return self.lease() };
        match &mut self.hash.lease {
            Some((lease, until)) if *lease == pass.lease => *until = self.now_ms + LEASE_MS,
            _ => return pass.gate.stop(Stop::Lost),
        }
        let now = self.instant();
        pass.gate.observe_at(self.view(pass.stage), u32::from(!self.down.contains(&Service::Worker)), now);
        if self.now_ms - self.noted_ms >= NOTE_MS {
            self.noted_ms = self.now_ms;
            if pass.gate.take_read() && pass.stage == self.hash.stage {
                self.moved();
            }
        }
        if self.cut(&mut pass, now) { self.release(&pass) } else { self.pass = Some(pass) }
    }

    /// Cuts up to four tiles, a row of the picture; says whether the pass has ended.
    fn cut(&mut self, pass: &mut Pass, now: Instant) -> bool {
        for _ in 0..4 {
            if pass.next / 4 >= pass.rows {
                pass.rows += 1;
                pass.gate.has_read();
            }
            match pass.gate.try_admit(pass.next, 1, now) {
                None => return false,
                Some(Clearance::Stop(_)) => return true,
                Some(Clearance::Known) => {}
                Some(Clearance::Send) => {
                    self.tasks.push_back((pass.stage, pass.next));
                    pass.gate.delivered();
                }
            }
            pass.next += 1;
            if pass.next == TILES {
                return true;
            }
        }
        false
    }
}
