//! Which jobs are read next: takes leases while there is room for another pass.
//!
//! Owns the order: by the queue, and no pass without memory for its band: who finds none waits for it in its place.
//! Leases are Redis's; this only asks for them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::budget::Share;
use tessera::job::{Grain, JobId, Manifest, Token};
use tessera::state::{Leased, Release, StateError};
use tessera::store::StoreError;
use tessera::telemetry::logs::trace_id;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

use crate::grant::Grant;
use crate::known::Remembered;
use crate::memory::Needs;
use crate::pass::{self, Ended};
use crate::places::has_place;
use crate::splitter::Splitter;
use crate::{verdict, whole};

/// Between two looks at the queue when nothing rings.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Jobs of the queue that are looked at.
const QUEUE_DEPTH: usize = 128;
/// A job that another splitter reads is left alone for so long.
const BUSY_PAUSE: Duration = Duration::from_millis(500);
/// A job whose picture the store cannot give is left alone for so long.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(5);

/// Why a job is not leased now.
#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes leases and runs passes.
#[derive(Debug)]
pub struct Leaser {
    splitter: Arc<Splitter>,
    passes: JoinSet<(JobId, Ended)>,
    running: HashMap<JobId, Needs>,
    /// Jobs whose whole picture is out.
    wholes: HashSet<JobId>,
    /// Whose each of the passes is, also of one that panicked.
    jobs: HashMap<Id, JobId>,
    /// Jobs that have a place and wait for memory.
    waiting: HashMap<JobId, Needs>,
    admissions: JoinSet<(Arc<Manifest>, Share)>,
    resting: HashMap<JobId, Instant>,
    known: Remembered,
}

impl Leaser {
    /// A leaser without passes.
    pub fn new(splitter: Arc<Splitter>) -> Self {
        Self {
            splitter,
            passes: JoinSet::new(),
            running: HashMap::new(),
            wholes: HashSet::new(),
            jobs: HashMap::new(),
            waiting: HashMap::new(),
            admissions: JoinSet::new(),
            resting: HashMap::new(),
            known: Remembered::default(),
        }
    }

    /// Takes leases and runs passes until it is dropped or a stop is requested.
    pub async fn run(&mut self) {
        let shutdown = self.splitter.shutdown.clone();
        while !shutdown.is_requested() {
            if let Err(error) = self.fill().await {
                tracing::debug!(%error, "looking at the queue");
            }
            tokio::select! {
                Some(ended) = self.passes.join_next_with_id() => self.ended(ended),
                Some(admitted) = self.admissions.join_next() => self.admitted(admitted).await,
                () = self.splitter.doorbell.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = shutdown.requested() => {}
            }
        }
    }

    /// Waits for the passes, which must have been stopped, at most `limit`.
    pub async fn drain(&mut self, limit: Duration) {
        self.admissions.abort_all();
        let all = async {
            while let Some(ended) = self.passes.join_next_with_id().await {
                self.ended(ended);
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("passes were not stopped in time; their leases run out by themselves");
        }
    }

    fn ended(&mut self, ended: Result<(Id, (JobId, Ended)), JoinError>) {
        match ended {
            Ok((id, (job, ended))) => {
                self.jobs.remove(&id);
                self.forget(job);
                if ended == Ended::Unreadable {
                    self.resting.insert(job, Instant::now() + UNREADABLE_PAUSE);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a pass ended in a panic; its lease runs out by itself");
                if let Some(job) = self.jobs.remove(&error.id()) {
                    self.forget(job);
                }
            }
        }
    }

    fn forget(&mut self, job: JobId) {
        self.running.remove(&job);
        self.wholes.remove(&job);
    }

    /// Whether a picture may be read besides those that are, as far as their number says.
    fn has_tile_place(&self) -> bool {
        self.running.len() + self.waiting.len() < self.splitter.config.passes.splitter_passes
    }

    async fn fill(&mut self) -> Result<(), LeaseError> {
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        let mut has_whole_place = self.splitter.whole_places.lock().has_room(0, self.splitter.live_slots());
        if !self.has_tile_place() && !has_whole_place {
            return Ok(());
        }
        if !self.splitter.logs.may_begin() {
            tracing::debug!("results fill up and no stitcher reads them: no picture is begun");
            return Ok(());
        }
        for job in self.splitter.state.ready_jobs(QUEUE_DEPTH).await? {
            if [&self.running, &self.waiting].iter().any(|jobs| jobs.contains_key(&job))
                || self.wholes.contains(&job)
                || self.resting.contains_key(&job)
            {
                continue;
            }
            if let Err(error) = self.consider(job, &mut has_whole_place).await {
                self.refused(job, error).await;
            }
        }
        Ok(())
    }

    /// A job could not be leased: what is damaged of it fails it, anything else may pass.
    async fn refused(&mut self, job: JobId, error: LeaseError) {
        let reason = match &error {
            LeaseError::State(error @ StateError::Data(_)) => error.as_reason(),
            LeaseError::Store(error @ StoreError::Damaged { .. }) => {
                format!("what the store has of this job is damaged: {error}; send the picture again")
            }
            error => {
                tracing::debug!(%job, %error, "leasing a job");
                self.resting.insert(job, Instant::now() + BUSY_PAUSE);
                return;
            }
        };
        verdict::fail(&self.splitter, job, &reason).await;
    }

    /// Begins with a job if there is a place for it. A whole picture that finds none keeps those behind it waiting: small
    /// ones would pass a large one again and again.
    async fn consider(&mut self, job: JobId, has_whole_place: &mut bool) -> Result<(), LeaseError> {
        let Some(manifest) = self.known.manifest(&self.splitter.store, job).await? else {
            verdict::fail(
                &self.splitter,
                job,
                "the job's description is missing from the store; send the picture again",
            )
            .await;
            return Ok(());
        };
        if manifest.grain() == Grain::Whole {
            let (pixels, slots) = (manifest.plan.input.size.pixels(), self.splitter.crew().await?.slots);
            *has_whole_place = *has_whole_place && self.splitter.whole_places.lock().has_room(pixels, slots);
            return if *has_whole_place { self.lease(manifest, None).await } else { Ok(()) };
        }
        if !self.has_tile_place() {
            return Ok(());
        }
        let needs = self.splitter.memory.needs(&manifest, &self.splitter.config.kafka);
        let taken: Vec<Needs> = self.running.values().chain(self.waiting.values()).copied().collect();
        if !has_place(&taken, needs, self.splitter.config.passes.splitter_passes) {
            return Ok(());
        }
        let budget = self.splitter.memory.budget(needs).clone();
        if let Some(share) = budget.try_reserve(needs.bytes) {
            return self.lease(manifest, Some((needs, share))).await;
        }
        tracing::info!(%job, bytes = needs.bytes, free = budget.free(), "the job waits for memory");
        self.waiting.insert(job, needs);
        self.admissions.spawn_local(async move { (manifest, budget.reserve(needs.bytes).await) });
        Ok(())
    }

    /// A job that waited has its memory.
    async fn admitted(&mut self, admitted: Result<(Arc<Manifest>, Share), JoinError>) {
        // Waiting does not panic; aborted it is only when the splitter stops.
        let Ok((manifest, share)) = admitted else { return };
        let job = manifest.job;
        let Some(needs) = self.waiting.remove(&job) else { return };
        if let Err(error) = self.lease(manifest, Some((needs, share))).await {
            self.refused(job, error).await;
        }
    }

    /// Takes the lease of a job that has a place, and memory if it is cut, and begins its pass.
    async fn lease(&mut self, manifest: Arc<Manifest>, memory: Option<(Needs, Share)>) -> Result<(), LeaseError> {
        let (job, lease) = (manifest.job, Token::random());
        match self.splitter.state.lease(job, &lease, &self.splitter.name()).await? {
            Leased::Granted { stage, run, attempts } => {
                let attempt = attempts.max(self.known.count_pass((job, run, stage)));
                let grant = Grant { manifest, lease, stage, run, attempt };
                if !self.is_as_described(&grant).await? {
                    return Ok(());
                }
                let share = match memory {
                    Some((needs, share)) => {
                        self.running.insert(job, needs);
                        Some(share)
                    }
                    None => {
                        self.wholes.insert(job);
                        None
                    }
                };
                self.begin(grant, share);
            }
            Leased::Busy => drop(self.resting.insert(job, Instant::now() + BUSY_PAUSE)),
            Leased::Ended => {}
            Leased::Exhausted => {
                verdict::fail(&self.splitter, job, "reading the picture ended the reader three times").await;
            }
        }
        Ok(())
    }

    /// Whether a job is still what its description, as it is remembered, says. One that was started over in tiles is
    /// remembered anew, and leased again; where Redis was not told of that, it is now.
    async fn is_as_described(&mut self, grant: &Grant) -> Result<bool, LeaseError> {
        let (job, grain) = (grant.manifest.job, grant.manifest.grain());
        if grant.manifest.tiled.is_none() || grant.manifest.run == grant.run {
            return Ok(true);
        }
        self.known.forget(job);
        let Some(manifest) = self.known.manifest(&self.splitter.store, job).await? else { return Ok(true) };
        if manifest.grain() == Grain::Tiles && manifest.run > grant.run {
            whole::make_good(&self.splitter, grant, &manifest, "it could not be run whole").await;
        }
        if manifest.grain() == grain && manifest.run <= grant.run {
            return Ok(true);
        }
        self.splitter.state.release(job, &grant.lease, Release::Drained).await?;
        Ok(false)
    }

    fn begin(&mut self, grant: Grant, share: Option<Share>) {
        let (splitter, job) = (self.splitter.clone(), grant.manifest.job);
        let span = tracing::info_span!(
            "picture.cut",
            trace_id = trace_id(grant.manifest.trace.as_ref()),
            %job,
            stage = grant.stage,
            run = grant.run,
            attempt = grant.attempt,
        );
        let run = async move {
            let ended = pass::run(splitter, grant).await;
            drop(share);
            (job, ended)
        };
        let pass = self.passes.spawn_local(run.instrument(span));
        self.jobs.insert(pass.id(), job);
    }
}
