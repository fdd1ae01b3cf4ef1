//! The sweep over jobs in hand: stuck ones are checked or given up, overdue ones fail, what was left half done goes on.
//!
//! Owns the order of a round, and is the only one who has a stuck job read again. Jobs are judged by [`Stalls`]; how
//! long something took is told by the clock of Redis alone.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tessera::bus::records::Check;
use tessera::ending::EndError;
use tessera::job::{JobId, TraceContext};
use tessera::state::{JobView, StateError};
use tessera::store::Object;
use tessera::telemetry::logs::trace_id;
use tracing::Instrument;

use crate::backends::MonitorBackends;
use crate::hopes::Hopes;
use crate::listing::list_tiles;
use crate::stalls::{Advice, Hope, Look, Stalls};

/// Jobs of each status that a round looks at.
const JOBS_A_ROUND: usize = 2_000;
/// Missing tiles that are asked for, to be listed.
const TILES_LISTED: usize = 1_000;
/// Between two repairs of what transitions left half done.
const REPAIR_EVERY: Duration = Duration::from_secs(20);
/// A job that is `accepting` for so long was left so: an upload gives up sooner.
const ACCEPTING_AFTER: Duration = Duration::from_secs(30);

/// The sweeper's state.
pub struct Sweep {
    backends: MonitorBackends,
    stalls: Stalls,
    hopes: Hopes,
    repaired: Option<Instant>,
}

impl Sweep {
    /// A sweep that calls a job stuck after `stall_ms`.
    pub fn new(backends: MonitorBackends, stall_ms: u64) -> Self {
        Self { backends, stalls: Stalls::new(stall_ms), hopes: Hopes::default(), repaired: None }
    }

    /// Makes one round. Only for the active monitor.
    ///
    /// # Errors
    /// [`EndError`] if Redis gives no answer: the next round starts over.
    pub async fn round(&mut self) -> Result<(), EndError> {
        self.backends.state.ping().await?;
        let (jobs, damaged) = self.backends.state.jobs_in_hand(JOBS_A_ROUND).await?;
        for job in damaged {
            self.backends.fail_damaged(job).await?;
        }
        let known: HashSet<JobId> = jobs.iter().map(|job| job.job).collect();
        self.stalls.keep(&known);
        self.hopes.keep(&known);
        self.backends.counts.jobs(&self.backends.state.counts().await?);
        let still: Vec<&JobView> = jobs.iter().filter(|job| self.stalls.is_still(job.moments.idle_ms())).collect();
        self.hopes.ask(&self.backends, &still).await?;
        let mut kafka_is_up = true;
        for job in &jobs {
            let trace_id = trace_id(job.trace.as_ref());
            let span = tracing::info_span!("job.sweep", trace_id, job = %job.job, stage = job.stage);
            match self.overdue(job) {
                Some(reason) => self.backends.fail(job, &reason).instrument(span).await?,
                None => self.judge(job, &mut kafka_is_up).instrument(span).await?,
            }
        }
        tracing::debug!(jobs = jobs.len(), has_workers = self.hopes.has_workers(), "swept");
        if self.repaired.is_none_or(|at| at.elapsed() >= REPAIR_EVERY) {
            self.repair().await?;
            self.repaired = Some(Instant::now());
        }
        Ok(())
    }

    /// Completes what a crash, or a lost record, left between two steps.
    async fn repair(&self) -> Result<(), StateError> {
        let seen = self.backends.state.repair_indexes().await?;
        tracing::debug!(seen, "the indexes agree with the jobs");
        for job in self.backends.state.left_accepting(ACCEPTING_AFTER).await? {
            self.queue(job).await?;
        }
        Ok(())
    }

    /// Queues a job that was accepted and announced, perhaps, but never queued; if it is whole.
    async fn queue(&self, job: JobId) -> Result<(), StateError> {
        let store = &self.backends.store;
        let is_whole = async {
            Ok::<_, tessera::store::StoreError>(
                store.manifest(job).await?.is_some()
                    && store.size(&Object::Original(job)).await?.is_some()
                    && store.end(job).await?.is_none(),
            )
        };
        match is_whole.await {
            Ok(true) if self.backends.state.queue(job).await?.is_so() => {
                tracing::warn!(%job, "queued a job that was left accepting");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%job, %error, "a job that was left accepting cannot be looked at"),
        }
        Ok(())
    }

    fn overdue(&self, job: &JobView) -> Option<String> {
        let running_ms = job.moments.running_ms()?;
        let pixels = u64::from(job.original_width) * u64::from(job.original_height);
        let deadline = self.backends.limits.job_deadline(pixels);
        let is_over = running_ms > i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
        is_over.then(|| {
            let (received, total, minutes) = (job.received_tiles, job.total_tiles, deadline.as_secs() / 60);
            format!("it took longer than {minutes} minutes (job_deadline); {received} of {total} tiles had come")
        })
    }

    async fn judge(&mut self, job: &JobView, kafka_is_up: &mut bool) -> Result<(), EndError> {
        let look = Look {
            job: job.job,
            status: job.status,
            run: job.run,
            stage: job.stage,
            received: job.received_tiles,
            total: job.total_tiles,
            passes: job.passes,
            idle_ms: job.moments.idle_ms(),
            hope: self.hopes.of(job),
        };
        match self.stalls.look(&look, job.moments.looked) {
            Advice::Check { again } if *kafka_is_up => {
                *kafka_is_up = self.check(&look, job.trace, job.moments.looked).await;
                // The stitcher asks for what is missing; where that was lost, no one else is needed for it.
                if again && look.hope != Hope::Unheard && look.received < look.total {
                    self.backends.state.make_ready(job.job).await?;
                }
                Ok(())
            }
            Advice::Fine | Advice::Check { .. } => Ok(()),
            Advice::GiveUp { checks } => {
                let reason = self.missing(&look, checks).await?;
                self.backends.fail(job, &reason).await
            }
        }
    }

    /// Asks a job's stitcher to look; says whether Kafka took the question.
    async fn check(&mut self, look: &Look, trace: Option<TraceContext>, now_ms: i64) -> bool {
        let Look { job, stage, received, total, idle_ms, hope, .. } = *look;
        tracing::info!(%job, stage, received, total, idle_ms, ?hope, "the job does not move; its stitcher is asked to look");
        match self.backends.check(Check { job, stage }, trace).await {
            Ok(_) => {
                self.backends.counts.checked();
                self.stalls.checked(look, now_ms);
                self.hopes.sent(job, now_ms);
                true
            }
            Err(error) => {
                tracing::warn!(%job, %error, "could not ask for a check");
                false
            }
        }
    }

    async fn missing(&self, look: &Look, checks: u32) -> Result<String, StateError> {
        let Look { job, stage, received, total, .. } = *look;
        if received >= total {
            return Ok(format!("all {total} tiles of stage {stage} came, but no result after {checks} checks"));
        }
        let tiles = self.backends.state.missing_tiles(job, stage, TILES_LISTED).await?;
        let missing = total.saturating_sub(received) as usize;
        let list = list_tiles(&tiles, missing);
        Ok(format!("tiles are missing after {checks} checks: {list} ({missing} of {total} in stage {stage})"))
    }
}
