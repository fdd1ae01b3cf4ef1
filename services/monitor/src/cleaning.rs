//! The janitor's round: results that expired go, what crashes left goes or becomes a job again.
//!
//! Owns when files of a job are removed. A whole job of which Redis knows nothing is queued, never
//! removed: it may have been answered 202 before Redis lost its last second.

use std::collections::HashSet;
use std::time::Duration;

use tessera::ending::{EndError, agree};
use tessera::job::{JobId, JobStatus};
use tessera::state::{JobView, Order, StateError};
use tessera::store::{Object, StoreError};
use tessera::telemetry::logs::trace_id;
use tessera::time::is_older;
use tracing::Instrument;

use crate::backends::MonitorBackends;

const PAGE: usize = 200;
const ENDED: [JobStatus; 3] = [JobStatus::Done, JobStatus::Failed, JobStatus::Cancelled];
/// Ended jobs that are remembered as tidy.
const REMEMBERED: usize = 100_000;
/// How long after its end a job's marker may still be another's.
const SETTLED: Duration = Duration::from_secs(600);
/// How long an orphan's new hash may wait to be queued.
const ACCEPTING: Duration = Duration::from_secs(600);

/// Why a round was not completed; the next starts over.
#[derive(Debug, thiserror::Error)]
pub enum CleaningError {
    /// Redis gave no answer.
    #[error("cleaning")]
    State(#[from] StateError),
    /// The store gave no answer.
    #[error("cleaning")]
    Store(#[from] StoreError),
}

impl From<EndError> for CleaningError {
    fn from(error: EndError) -> Self {
        match error {
            EndError::State(error) => Self::State(error),
            EndError::Store(error) => Self::Store(error),
        }
    }
}

/// The janitor's state.
pub struct Cleaning {
    backends: MonitorBackends,
    orphan_age: Duration,
    /// Ended jobs whose end marker agrees with Redis and whose rows are gone.
    tidy: HashSet<(JobId, u32)>,
}

impl Cleaning {
    /// A janitor that leaves what is younger than `orphan_age` alone.
    pub fn new(backends: MonitorBackends, orphan_age: Duration) -> Self {
        Self { backends, orphan_age, tidy: HashSet::new() }
    }

    /// Makes one round. Only for the active monitor.
    ///
    /// # Errors
    /// [`CleaningError`] if Redis or the store gives no answer.
    pub async fn round(&mut self) -> Result<(), CleaningError> {
        self.backends.state.ping().await?;
        for status in ENDED {
            let mut cursor = None;
            loop {
                let (jobs, next) =
                    self.backends.state.list(Some(status), Order::default(), PAGE, cursor.as_deref()).await?;
                for job in &jobs {
                    let span =
                        tracing::info_span!("job.clean", trace_id = trace_id(job.trace.as_ref()), job = %job.job);
                    self.ended_job(job).instrument(span).await?;
                }
                cursor = next;
                if cursor.is_none() || self.backends.shutdown.is_requested() {
                    break;
                }
            }
        }
        self.orphans().await?;
        let swept = self.backends.store.sweep(self.orphan_age).await?;
        if swept.files + swept.folders > 0 {
            tracing::info!(files = swept.files, folders = swept.folders, "removed what crashes left in the store");
        }
        Ok(())
    }

    async fn ended_job(&mut self, job: &JobView) -> Result<(), CleaningError> {
        if is_expired(job, self.backends.keep()) {
            if self.backends.state.expire(job.job).await?.is_so() {
                self.backends.store.delete_job(job.job).await?;
                tracing::info!(job = %job.job, "the job has expired");
            }
            return Ok(());
        }
        if !self.tidy.contains(&(job.job, job.run)) {
            self.tidy_up(job).await?;
        }
        Ok(())
    }

    /// Completes the end of a job: its marker says what Redis says, its rows and slots go. It is looked at for some time, as
    /// one that was slower may still write its own marker.
    async fn tidy_up(&mut self, job: &JobView) -> Result<(), CleaningError> {
        let (id, store) = (job.job, &self.backends.store);
        if let Some(rows @ Object::Rows { .. }) = job.rows.as_deref().and_then(|rows| rows.parse().ok()) {
            store.delete(&rows).await?;
        }
        if let Err(error) = store.remove_slots(id, job.run, u32::MAX).await {
            tracing::warn!(job = %id, %error, "the slots of an ended job are removed later");
            return Ok(());
        }
        match agree(&self.backends.state, store, id, None).await {
            // A full store must not keep the janitor from what makes room.
            Err(EndError::Store(error @ StoreError::Full { .. })) => {
                tracing::warn!(job = %id, %error, "an end marker is written later");
                return Ok(());
            }
            outcome => outcome?,
        }
        if is_expired(job, SETTLED) {
            if self.tidy.len() >= REMEMBERED {
                self.tidy.clear();
            }
            self.tidy.insert((id, job.run));
        }
        Ok(())
    }

    /// Jobs in the store that Redis does not know, or knows as expired.
    async fn orphans(&self) -> Result<(), CleaningError> {
        let jobs = self.backends.store.jobs().await?;
        for some in jobs.chunks(PAGE) {
            let views = self.backends.state.views(some).await?;
            for job in some {
                match views.iter().find(|view| view.job == *job).map(|view| view.status) {
                    Some(JobStatus::Expired) => self.backends.store.delete_job(*job).await?,
                    Some(_) => {}
                    None => self.orphan(*job).await?,
                }
            }
        }
        Ok(())
    }

    async fn orphan(&self, job: JobId) -> Result<(), CleaningError> {
        let (state, store) = (&self.backends.state, &self.backends.store);
        let manifest = match store.manifest(job).await {
            Ok(Some(manifest)) => manifest,
            // An upload under way, or its rest, which the store's own sweep removes.
            Ok(None) => return Ok(()),
            Err(StoreError::Damaged { name, cause }) => {
                tracing::error!(name, cause, "a manifest is damaged; the job's files are left as they are");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let now_ms = state.redis_ms().await?;
        if !is_older(&manifest.created_at, self.orphan_age, now_ms) {
            return Ok(());
        }
        let end = match store.end(job).await {
            // How it ended is not known any more: it is run again rather than lost.
            Err(StoreError::Damaged { .. }) => None,
            end => end?,
        };
        if let Some(end) = end.filter(|end| end.run >= manifest.run) {
            if is_older(&end.finished_at, self.backends.keep(), now_ms) {
                store.delete_job(job).await?;
                tracing::info!(%job, "removed the files of a job that ended long ago");
            }
            return Ok(());
        }
        // Redis may have lost its data just now: then the rebuild is the one to do this.
        state.ping().await?;
        state.accept(&manifest, ACCEPTING).await?;
        if state.queue(job).await?.is_so() {
            tracing::warn!(%job, "queued a job that only the store knew");
        }
        Ok(())
    }
}

/// Whether a job ended longer ago than `keep`. One that was rebuilt from the store knows its end as a text only.
fn is_expired(job: &JobView, keep: Duration) -> bool {
    match job.moments.ended_ms() {
        Some(ended_ms) => u128::from(ended_ms.unsigned_abs()) >= keep.as_millis(),
        None => is_older(job.finished_at.as_deref().unwrap_or(&job.updated_at), keep, job.moments.looked),
    }
}
