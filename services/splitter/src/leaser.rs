//! Which jobs are read next: takes leases while there is room for another pass.
//!
//! Owns the order: by the queue, and no pass without memory for its band: who finds none waits for it in its place.
//! Leases are Redis's; this only asks for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::budget::Share;
use tessera::job::{JobId, Manifest, Token};
use tessera::state::{Leased, StateError};
use tessera::store::StoreError;
use tessera::telemetry::logs::trace_id;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

use crate::grant::Grant;
use crate::known::Known;
use crate::memory::Needs;
use crate::pass::{self, Ended};
use crate::places::has_place;
use crate::splitter::Splitter;
use crate::verdict;

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
    /// Whose each of the passes is, also of one that panicked.
    jobs: HashMap<Id, JobId>,
    /// Jobs that have a place and wait for memory.
    waiting: HashMap<JobId, Needs>,
    admissions: JoinSet<(Arc<Manifest>, Share)>,
    resting: HashMap<JobId, Instant>,
    known: Known,
}

impl Leaser {
    /// A leaser without passes.
    pub fn new(splitter: Arc<Splitter>) -> Self {
        Self {
            splitter,
            passes: JoinSet::new(),
            running: HashMap::new(),
            jobs: HashMap::new(),
            waiting: HashMap::new(),
            admissions: JoinSet::new(),
            resting: HashMap::new(),
            known: Known::default(),
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
                self.running.remove(&job);
                if ended == Ended::Unreadable {
                    self.resting.insert(job, Instant::now() + UNREADABLE_PAUSE);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a pass ended in a panic; its lease runs out by itself");
                if let Some(job) = self.jobs.remove(&error.id()) {
                    self.running.remove(&job);
                }
            }
        }
    }

    async fn fill(&mut self) -> Result<(), LeaseError> {
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        if self.running.len() + self.waiting.len() >= self.splitter.config.passes.splitter_passes {
            return Ok(());
        }
        if !self.splitter.logs.may_begin() {
            tracing::debug!("results fill up and no stitcher reads them: no picture is begun");
            return Ok(());
        }
        for job in self.splitter.state.ready_jobs(QUEUE_DEPTH).await? {
            if [&self.running, &self.waiting].iter().any(|jobs| jobs.contains_key(&job))
                || self.resting.contains_key(&job)
            {
                continue;
            }
            if let Err(error) = self.consider(job).await {
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

    async fn consider(&mut self, job: JobId) -> Result<(), LeaseError> {
        let Some(manifest) = self.known.manifest(&self.splitter.store, job).await? else {
            verdict::fail(
                &self.splitter,
                job,
                "the job's description is missing from the store; send the picture again",
            )
            .await;
            return Ok(());
        };
        let needs = self.splitter.memory.needs(&manifest, &self.splitter.config.kafka);
        let taken: Vec<Needs> = self.running.values().chain(self.waiting.values()).copied().collect();
        if !has_place(&taken, needs, self.splitter.config.passes.splitter_passes) {
            return Ok(());
        }
        let budget = self.splitter.memory.budget(needs).clone();
        if let Some(share) = budget.try_reserve(needs.bytes) {
            return self.lease(manifest, needs, share).await;
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
        if let Err(error) = self.lease(manifest, needs, share).await {
            self.refused(job, error).await;
        }
    }

    /// Takes the lease of a job that has a place and memory, and begins its pass.
    async fn lease(&mut self, manifest: Arc<Manifest>, needs: Needs, share: Share) -> Result<(), LeaseError> {
        let (job, lease) = (manifest.job, Token::random());
        match self.splitter.state.lease(job, &lease, &self.splitter.name()).await? {
            Leased::Granted { stage, run, attempts } => {
                self.running.insert(job, needs);
                let attempt = attempts.max(self.known.count_pass((job, run, stage)));
                self.begin(Grant { manifest, lease, stage, run, attempt }, share);
            }
            Leased::Busy => drop(self.resting.insert(job, Instant::now() + BUSY_PAUSE)),
            Leased::Ended => {}
            Leased::Exhausted => {
                verdict::fail(&self.splitter, job, "reading the picture ended the reader three times").await;
            }
        }
        Ok(())
    }

    fn begin(&mut self, grant: Grant, share: Share) {
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
