//! A job, its queues and its services, as plain types under one simulated clock.
//!
//! Stalls, gate and window are the real ones; Redis's scripts, the records and what each service does with them are
//! told in short. A step is a tenth of a second.

mod faults;
mod monitor;
mod splitter;
mod stitcher;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use tessera::job::{JobId, JobStatus};
use tessera_monitor::stalls::Stalls;
use tessera_splitter::gate::Gate;

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

    fn moved(&mut self) {
        self.hash.progress_ms = self.now_ms;
    }

    pub fn make_ready(&mut self) {
        if self.is_working() {
            (self.hash.again, self.hash.is_ready) = (true, true);
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
}
