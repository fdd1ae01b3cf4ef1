//! The sweep over jobs in hand: stuck ones are checked or given up, overdue ones fail.
//!
//! Owns the order of a round. Jobs are judged by [`Stalls`]; checks that no stitcher has read yet are
//! not counted against a job.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use tessera::bus::admin::lag;
use tessera::bus::records::Check;
use tessera::bus::{Delivered, Group};
use tessera::ending::EndError;
use tessera::job::{JobId, TraceContext};
use tessera::state::{JobView, StateError};
use tessera::telemetry::logs::trace_id;
use tessera::time::{millis, now_ms};
use tracing::Instrument;

use crate::edges::Edges;
use crate::stalls::{Look, Stalls, Verdict, list_tiles};

/// Jobs of each status that a round looks at.
const JOBS_A_ROUND: usize = 2_000;
/// Missing tiles that are asked for, to be listed.
const TILES_LISTED: usize = 1_000;
const REPAIR_EVERY: Duration = Duration::from_secs(60);

/// The sweeper's state.
pub struct Sweep {
    edges: Edges,
    stalls: Stalls,
    /// Where the last check of a job lies.
    sent: HashMap<JobId, Delivered>,
    repaired: Option<Instant>,
}

impl Sweep {
    /// A sweep that calls a job stuck after `stall_ms`.
    pub fn new(edges: Edges, stall_ms: u64) -> Self {
        Self { edges, stalls: Stalls::new(stall_ms), sent: HashMap::new(), repaired: None }
    }

    /// Makes one round. Only for the active monitor.
    ///
    /// # Errors
    /// [`EndError`] if Redis gives no answer: the next round begins anew.
    pub async fn round(&mut self) -> Result<(), EndError> {
        self.edges.state.ping().await?;
        let jobs = self.edges.state.processing_jobs(JOBS_A_ROUND).await?;
        let known: HashSet<JobId> = jobs.iter().map(|job| job.job).collect();
        self.stalls.keep(&known);
        self.sent.retain(|job, _| known.contains(job));
        self.edges.counts.jobs(&self.edges.state.counts().await?);
        let has_workers = self.edges.state.live_slots().await? > 0;
        let now_ms = now_ms();
        for job in &jobs {
            let trace_id = trace_id(job.trace.as_ref());
            let span = tracing::info_span!("job.sweep", trace_id, job = %job.job, stage = job.stage);
            match self.overdue(job, now_ms) {
                Some(reason) => self.edges.fail(job, &reason).instrument(span).await?,
                None => self.judge(job, has_workers, now_ms).instrument(span).await?,
            }
        }
        tracing::debug!(jobs = jobs.len(), has_workers, "swept");
        if self.repaired.is_none_or(|at| at.elapsed() >= REPAIR_EVERY) {
            let seen = self.edges.state.repair_indexes().await?;
            tracing::debug!(seen, "the indexes agree with the jobs");
            self.repaired = Some(Instant::now());
        }
        Ok(())
    }

    fn overdue(&self, job: &JobView, now_ms: i64) -> Option<String> {
        let started = millis(job.started_at.as_deref()?)?;
        let pixels = u64::from(job.original_width) * u64::from(job.original_height);
        let deadline = self.edges.limits.job_deadline(pixels);
        let is_over = now_ms.saturating_sub(started) > i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
        is_over.then(|| {
            let (received, total, minutes) = (job.received_tiles, job.total_tiles, deadline.as_secs() / 60);
            format!("it took longer than {minutes} minutes (job_deadline); {received} of {total} tiles had come")
        })
    }

    async fn judge(&mut self, job: &JobView, has_workers: bool, now_ms: i64) -> Result<(), EndError> {
        let look = Look {
            job: job.job,
            status: job.status,
            run: job.run,
            stage: job.stage,
            received: job.received_tiles,
            total: job.total_tiles,
            is_leased: job.leased,
            updated_ms: millis(&job.updated_at).unwrap_or(0),
        };
        match self.stalls.look(&look, has_workers, now_ms) {
            Verdict::Fine => Ok(()),
            _ if !self.last_was_read(job.job).await => Ok(()),
            Verdict::Check => {
                self.check(&look, job.trace, now_ms).await;
                Ok(())
            }
            Verdict::GiveUp { checks } => {
                let reason = self.missing(&look, checks).await?;
                self.edges.fail(job, &reason).await
            }
        }
    }

    async fn check(&mut self, look: &Look, trace: Option<TraceContext>, now_ms: i64) {
        let Look { job, stage, received, total, .. } = *look;
        tracing::info!(%job, stage, received, total, "the job seems stuck; its stitcher is asked to look");
        match self.edges.check(Check { job, stage }, trace).await {
            Ok(delivered) => {
                self.edges.counts.checked();
                self.stalls.checked(look, now_ms);
                self.sent.insert(job, delivered);
            }
            Err(error) => tracing::warn!(%job, %error, "could not ask for a check"),
        }
    }

    /// Whether a stitcher has read the last check of a job. While stitchers are away, jobs wait.
    async fn last_was_read(&self, job: JobId) -> bool {
        let Some(last) = self.sent.get(&job) else { return true };
        match lag(&self.edges.kafka, Group::Stitchers).await {
            Ok(partitions) => partitions
                .iter()
                .any(|of| of.partition == last.partition && of.committed.is_some_and(|next| next > last.offset)),
            Err(error) => {
                tracing::debug!(%error, "could not ask how far the stitchers are");
                false
            }
        }
    }

    async fn missing(&self, look: &Look, checks: u32) -> Result<String, StateError> {
        let Look { job, stage, received, total, .. } = *look;
        if received >= total {
            return Ok(format!("all {total} tiles of stage {stage} came, but no result after {checks} checks"));
        }
        let tiles = self.edges.state.missing_tiles(job, stage, TILES_LISTED).await?;
        let missing = total.saturating_sub(received) as usize;
        let list = list_tiles(&tiles, missing);
        Ok(format!("tiles are missing after {checks} checks: {list} ({missing} of {total} in stage {stage})"))
    }
}
