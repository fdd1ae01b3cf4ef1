//! A job, its queues and its services, as plain types under one simulated clock.
//!
//! Stalls, gate and window are the real ones; Redis's scripts, the records and what each service does with them are
//! told in short. A step is a tenth of a second.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use tessera::job::{JobId, JobStatus};
use tessera::state::WindowView;
use tessera_monitor::stalls::{Hope, Look, Signs, Stalls, Verdict};
use tessera_splitter::gate::{Clearance, Gate, Stop};
use tessera_splitter::window::Ceiling;

pub const STEP_MS: i64 = 100;
pub const TILES: u32 = 20;
const STALL_MS: u64 = 20_000;
const STRIPS: u32 = 4;
const LEASE_MS: i64 = 10_000;
const NOTE_MS: i64 = 2_000;

/// What Redis has of the job.
#[derive(Debug)]
pub struct Hash {
    pub status: JobStatus,
    pub stage: u32,
    pub stages: u32,
    pub bits: BTreeSet<u32>,
    /// The lease that was granted last, and until when it is held.
    pub lease: Option<(u32, i64)>,
    pub again: bool,
    pub is_ready: bool,
    pub passes: u32,
    pub progress_ms: i64,
}

/// A record of `results`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    Tile(u32, u32),
    Check(u32),
}

/// A pass of the splitter.
#[derive(Debug)]
pub struct Pass {
    pub lease: u32,
    pub stage: u32,
    pub next: u32,
    /// Rows of tiles that were read.
    pub rows: u32,
    pub gate: Gate,
}

/// The stitcher's assembly.
#[derive(Debug, Default)]
pub struct Assembly {
    pub stage: u32,
    pub is_complete: bool,
    pub encoded: u32,
    pub has_moved: bool,
    /// The record that completed the stage: it comes again if this process ends.
    pub held: Option<Result>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Splitter,
    Worker,
    Stitcher,
    Monitor,
}

pub struct World {
    pub now_ms: i64,
    begun: Instant,
    pub job: JobId,
    pub hash: Hash,
    pub jobs: VecDeque<u32>,
    pub tasks: VecDeque<(u32, u32)>,
    pub results: VecDeque<Result>,
    pub pass: Option<Pass>,
    pub assembly: Option<Assembly>,
    pub stalls: Stalls,
    pub down: Vec<Service>,
    noted_ms: i64,
    sent_ms: Option<i64>,
    heard_ms: i64,
    leases: u32,
}

impl World {
    /// A job that was queued just now.
    pub fn new(stages: u32) -> Self {
        let hash = Hash {
            status: JobStatus::Queued,
            stage: 0,
            stages,
            bits: BTreeSet::new(),
            lease: None,
            again: false,
            is_ready: true,
            passes: 0,
            progress_ms: 0,
        };
        Self {
            now_ms: 0,
            begun: Instant::now(),
            job: JobId::random(),
            hash,
            jobs: VecDeque::new(),
            tasks: VecDeque::new(),
            results: VecDeque::new(),
            pass: None,
            assembly: None,
            stalls: Stalls::new(STALL_MS),
            down: Vec::new(),
            noted_ms: 0,
            sent_ms: None,
            heard_ms: 0,
            leases: 0,
        }
    }

    fn instant(&self) -> Instant {
        self.begun + Duration::from_millis(self.now_ms.unsigned_abs())
    }

    fn is_working(&self) -> bool {
        matches!(self.hash.status, JobStatus::Queued | JobStatus::Processing | JobStatus::Finishing)
    }

    /// What Redis shows to the splitter's watcher.
    pub fn view(&self, stage: u32) -> WindowView {
        let bits = if stage == self.hash.stage { self.hash.bits.clone() } else { BTreeSet::new() };
        WindowView::of(self.hash.status, (self.hash.stage, 1), self.hash.again, bits)
    }

    fn moved(&mut self) {
        self.hash.progress_ms = self.now_ms;
    }

    pub fn make_ready(&mut self) {
        if self.is_working() {
            (self.hash.again, self.hash.is_ready) = (true, true);
        }
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

    pub fn step(&mut self) {
        self.now_ms += STEP_MS;
        for service in [Service::Splitter, Service::Worker, Service::Stitcher, Service::Monitor] {
            if self.down.contains(&service) {
                continue;
            }
            match service {
                Service::Splitter => self.split(),
                Service::Worker => self.work(),
                Service::Stitcher => self.stitch(),
                Service::Monitor if self.now_ms % 2_000 == 0 => self.sweep(),
                Service::Monitor => {}
            }
        }
    }

    fn split(&mut self) {
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

    fn work(&mut self) {
        let Some((stage, tile)) = self.tasks.pop_front() else { return };
        if self.is_working() && stage == self.hash.stage && !self.hash.bits.contains(&tile) {
            self.results.push_back(Result::Tile(stage, tile));
        }
    }

    fn stitch(&mut self) {
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

    fn sweep(&mut self) {
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
            Verdict::Fine => {}
            Verdict::Check { again } => {
                self.results.push_back(Result::Check(look.stage));
                self.stalls.checked(&look, self.now_ms);
                self.sent_ms = Some(self.now_ms);
                if again && hope != Hope::Unheard && received < TILES {
                    self.make_ready();
                }
            }
            Verdict::GiveUp { .. } => self.hash.status = JobStatus::Failed,
        }
    }

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
