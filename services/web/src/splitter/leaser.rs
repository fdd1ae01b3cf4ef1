//! Which jobs are read next: takes leases while there is room for another pass.
//!
//! Owns the order: by the queue, one place kept for small pictures, and no pass without memory for its
//! band. Leases are Redis's; this only asks for them.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::job::{JobId, Manifest, Token};
use tessera::state::{Leased, StateError};
use tessera::store::StoreError;
use tessera::telemetry::logs::trace_id;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use super::desk::{Desk, Memory};
use super::pass::{self, Ended, Grant};
use super::verdict;

/// Between two looks at the queue when nothing rings.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Jobs of the queue that are looked at.
const QUEUE_DEPTH: usize = 128;
/// A job that another splitter reads is left alone for so long.
const BUSY_PAUSE: Duration = Duration::from_millis(500);
/// A job whose picture the store cannot give is left alone for so long.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(5);
/// Pictures of at most so many pixels may have the place that is kept.
const SMALL_PIXELS: u64 = 4 << 20;
/// Descriptions and counts that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

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
    desk: Arc<Desk>,
    passes: JoinSet<(JobId, Ended)>,
    running: HashMap<JobId, Share>,
    resting: HashMap<JobId, Instant>,
    manifests: Memory<JobId, Arc<Manifest>>,
    sent_before: Memory<(JobId, u32, u32), u32>,
}

/// What a pass takes of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    is_small: bool,
    band_bytes: u64,
}

impl Share {
    fn of(manifest: &Manifest) -> Self {
        let band = |stage: &tessera::plan::Stage| {
            let rows = u64::from(stage.tile_height) + 2 * u64::from(stage.halo);
            rows.min(stage.input.size.height.into()).saturating_mul(stage.input.row_bytes() as u64)
        };
        let band_bytes = manifest.plan.stages.iter().map(band).max().unwrap_or(0);
        Self { is_small: manifest.plan.input.size.pixels() <= SMALL_PIXELS, band_bytes }
    }
}

/// Whether a pass of `share` may begin beside those that run. One always may, whatever it takes.
pub fn has_room(running: &[Share], share: Share, most: usize, band_budget: u64) -> bool {
    let large = running.iter().filter(|other| !other.is_small).count();
    let bytes: u64 = running.iter().map(|other| other.band_bytes).sum();
    let most_large = if most > 1 { most - 1 } else { most };
    running.len() < most
        && (share.is_small || large < most_large)
        && (running.is_empty() || bytes.saturating_add(share.band_bytes) <= band_budget)
}

impl Leaser {
    /// A leaser without passes.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            passes: JoinSet::new(),
            running: HashMap::new(),
            resting: HashMap::new(),
            manifests: Memory::new(REMEMBERED),
            sent_before: Memory::new(REMEMBERED),
        }
    }

    /// Takes leases and runs passes until it is dropped or a stop is requested.
    pub async fn run(&mut self) {
        let shutdown = self.desk.shutdown.clone();
        while !shutdown.is_requested() {
            if let Err(error) = self.fill().await {
                tracing::debug!(%error, "looking at the queue");
            }
            tokio::select! {
                Some(ended) = self.passes.join_next() => self.ended(ended),
                () = self.desk.doorbell.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = shutdown.requested() => {}
            }
        }
    }

    /// Waits for the passes, which must have been stopped, at most `limit`.
    pub async fn drain(&mut self, limit: Duration) {
        let all = async {
            while let Some(ended) = self.passes.join_next().await {
                self.ended(ended);
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("passes were not stopped in time; their leases run out by themselves");
        }
    }

    fn ended(&mut self, ended: Result<(JobId, Ended), JoinError>) {
        match ended {
            Ok((job, ended)) => {
                self.running.remove(&job);
                if ended == Ended::Unreadable {
                    self.resting.insert(job, Instant::now() + UNREADABLE_PAUSE);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a pass ended in a panic; its lease runs out by itself");
                // Which one it was is not known: those that are still there are counted by the set alone.
                self.running.retain(|job, _| self.desk.passes().iter().any(|(open, _)| open == job));
            }
        }
    }

    async fn fill(&mut self) -> Result<(), LeaseError> {
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        if self.running.len() >= self.desk.config.splitter.splitter_passes {
            return Ok(());
        }
        for job in self.desk.state.ready_jobs(QUEUE_DEPTH).await? {
            if self.running.contains_key(&job) || self.resting.contains_key(&job) {
                continue;
            }
            if let Err(error) = self.consider(job).await {
                tracing::debug!(%job, %error, "leasing a job");
            }
        }
        Ok(())
    }

    async fn consider(&mut self, job: JobId) -> Result<(), LeaseError> {
        let Some(manifest) = self.manifest(job).await? else {
            verdict::fail(&self.desk, job, "the job's description is missing from the store; send the picture again")
                .await;
            return Ok(());
        };
        let share = Share::of(&manifest);
        let running: Vec<Share> = self.running.values().copied().collect();
        let most = self.desk.config.splitter.splitter_passes;
        if !has_room(&running, share, most, self.desk.config.limits.memory_budget / 2) {
            return Ok(());
        }
        let lease = Token::random();
        match self.desk.state.lease(job, &lease, &self.desk.name).await? {
            Leased::Granted { stage, run, attempts } => self.begin(manifest, lease, stage, run, attempts, share),
            Leased::Busy => drop(self.resting.insert(job, Instant::now() + BUSY_PAUSE)),
            Leased::Ended => {}
            Leased::Exhausted => {
                verdict::fail(&self.desk, job, "reading the picture ended the reader three times").await;
            }
        }
        Ok(())
    }

    fn begin(&mut self, manifest: Arc<Manifest>, lease: Token, stage: u32, run: u32, attempts: u32, share: Share) {
        let job = manifest.job;
        let pass = (job, run, stage);
        let before = self.sent_before.get(&pass).copied().unwrap_or(0);
        self.sent_before.put(pass, before + 1);
        self.running.insert(job, share);
        let grant = Grant { manifest, lease, stage, run, attempt: attempts.max(before + 1) };
        let desk = self.desk.clone();
        let span = tracing::info_span!(
            "picture.cut",
            trace_id = trace_id(grant.manifest.trace.as_ref()),
            %job,
            stage,
            run,
            attempt = grant.attempt,
        );
        let run = async move { (job, pass::run(desk, grant).await) };
        self.passes.spawn_local(run.instrument(span));
    }

    async fn manifest(&mut self, job: JobId) -> Result<Option<Arc<Manifest>>, StoreError> {
        if let Some(manifest) = self.manifests.get(&job) {
            return Ok(Some(manifest.clone()));
        }
        let manifest = self.desk.store.manifest(job).await?.map(Arc::new);
        if let Some(manifest) = &manifest {
            self.manifests.put(job, manifest.clone());
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Share = Share { is_small: true, band_bytes: 10 };
    const LARGE: Share = Share { is_small: false, band_bytes: 80 };

    #[test]
    fn one_place_is_kept_for_small_pictures() {
        assert!(has_room(&[], LARGE, 2, 100));
        assert!(!has_room(&[LARGE], LARGE, 2, 1000));
        assert!(has_room(&[LARGE], SMALL, 2, 100));
        assert!(has_room(&[SMALL], LARGE, 2, 100));
        assert!(!has_room(&[LARGE, SMALL], SMALL, 2, 1000));
        assert!(has_room(&[], LARGE, 1, 100));
    }

    #[test]
    fn bands_share_the_budget_but_one_pass_always_runs() {
        assert!(has_room(&[], LARGE, 4, 1));
        assert!(!has_room(&[LARGE], LARGE, 4, 100));
        assert!(has_room(&[LARGE], LARGE, 4, 160));
    }
}
