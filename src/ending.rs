//! How a job ends without a result, or has its end made known: one order for all services.
//!
//! First the end marker, which survives Redis, then Redis, which decides. A marker that cannot be written means
//! that nothing has ended, and the caller may ask again; a Redis that refuses has its own verdict put back into the
//! marker. So neither can lose a verdict that was announced: what Redis shows, the store knows. A crash
//! between the two leaves a marker of an end that was never announced; the end that comes overwrites it.

use std::time::Duration;

use crate::job::{EndMarker, JobId, JobStatus};
use crate::patience::Outage;
use crate::state::{JobView, MAX_REASON_CHARS, State, StateError, Transition};
use crate::store::{Object, Store, StoreError};
use crate::time::now;

/// How often a marker is tried, and the pauses between.
const MARKER_TRIES: u32 = 3;
const MARKER_PAUSE: Duration = Duration::from_millis(100);
/// Looks at a job that changes while its marker is written.
const LOOKS: usize = 4;

/// Why an end could not be made known; asking again is harmless.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// Redis gave no answer.
    #[error(transparent)]
    State(#[from] StateError),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EndError {
    /// Whether waiting may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::State(error) => error.is_outage(),
            Self::Store(error) => error.is_temporary(),
        }
    }
}

impl Outage for EndError {
    fn is_outage(&self) -> bool {
        match self {
            Self::State(error) => error.is_outage(),
            Self::Store(error) => error.is_outage(),
        }
    }

    fn dependency(&self) -> &'static str {
        match self {
            Self::State(error) => error.dependency(),
            Self::Store(error) => error.dependency(),
        }
    }
}

/// A verdict on a job that has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobVerdict {
    /// Which job.
    pub job: JobId,
    /// Which run it is about; `None`: the present one.
    pub run: Option<u32>,
    /// `Failed` or `Cancelled`.
    pub status: JobStatus,
    /// What the sender reads.
    pub reason: String,
}

impl JobVerdict {
    /// The job has failed.
    pub fn failed(job: JobId, run: Option<u32>, reason: impl Into<String>) -> Self {
        Self { job, run, status: JobStatus::Failed, reason: reason.into() }
    }

    /// Its owner has cancelled the job.
    pub fn cancelled(job: JobId) -> Self {
        Self { job, run: None, status: JobStatus::Cancelled, reason: "cancelled by its owner".to_owned() }
    }
}

/// Ends a job without a result: in the store, then in Redis.
///
/// A failure is told even where its marker cannot be written for a while, for the store is a likely reason of it, and
/// a job must not hang on its last word; the monitor's janitor writes that marker later.
///
/// # Errors
/// [`EndError`]; the job has not ended then, unless Redis took the verdict and its answer was lost.
pub async fn end(state: &State, store: &Store, verdict: &JobVerdict, keep: Duration) -> Result<Transition, EndError> {
    let job = verdict.job;
    let (run, notices) = match state.job(job).await {
        Ok(None) => return Ok(Transition::Refused { status: None }),
        Ok(Some(view)) => {
            let is_other_run = verdict.run.is_some_and(|run| run != view.run);
            if view.status.is_terminal() || is_other_run {
                agree(state, store, job, None).await?;
                let is_so = view.status == verdict.status && !is_other_run;
                return Ok(if is_so {
                    Transition::AlreadySo
                } else {
                    Transition::Refused { status: Some(view.status) }
                });
            }
            (view.run, view.notices)
        }
        // Something else is in the place of the job's hash: the script of the end makes it again.
        Err(StateError::Data(_)) => match verdict.run {
            Some(run) => (run, Vec::new()),
            None => (store.manifest(job).await.ok().flatten().map_or(1, |manifest| manifest.run), Vec::new()),
        },
        Err(error) => return Err(error.into()),
    };
    let marker = EndMarker {
        job,
        run,
        status: verdict.status,
        reason: Some(verdict.reason.chars().take(MAX_REASON_CHARS).collect()),
        final_filename: None,
        bytes_out: 0,
        digest: None,
        notices: Vec::new(),
        finished_at: now(),
    };
    let marker = marker.noting(&notices);
    match put_marker(store, &marker).await {
        Err(error) if verdict.status == JobStatus::Failed => {
            tracing::warn!(%job, %error, "the end marker is written later");
        }
        outcome => outcome?,
    }
    let transition = state.end(&marker, keep).await?;
    if transition.is_so()
        && let Err(error) = store.remove_slots(job, run, u32::MAX).await
    {
        tracing::warn!(%job, %error, "the job's slots are removed later");
    }
    // Another may have written its own marker meanwhile. After a full store this fails again, and must not matter.
    if let Err(error) = agree(state, store, job, Some(&marker)).await {
        tracing::warn!(%job, %error, "the end marker is looked at again later");
    }
    Ok(transition)
}

async fn put_marker(store: &Store, marker: &EndMarker) -> Result<(), StoreError> {
    for _ in 1..MARKER_TRIES {
        if store.put_end(marker).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(MARKER_PAUSE).await;
    }
    store.put_end(marker).await
}

/// Makes the end marker say of a job what Redis says. `own` is the caller's marker, which goes if Redis has not ended
/// the job; those of others stay then.
///
/// # Errors
/// [`EndError`] if Redis or the store gives no answer.
pub async fn agree(state: &State, store: &Store, job: JobId, own: Option<&EndMarker>) -> Result<(), EndError> {
    for _ in 0..LOOKS {
        let Some(view) = state.job(job).await? else { return Ok(()) };
        let there = match store.end(job).await {
            Err(StoreError::Damaged { name, cause }) => {
                tracing::error!(%job, name, cause, "an end marker is damaged; it is written again");
                None
            }
            there => there?,
        };
        let Some(marker) = marker_of(&view) else {
            if view.status != JobStatus::Expired && there.is_some() && there.as_ref() == own {
                store.delete(&Object::End(job)).await?;
            }
            return Ok(());
        };
        if there.is_some_and(|there| is_same(&there, &marker)) {
            return Ok(());
        }
        // Without a manifest the job's files have gone, and no rebuild would ask for a marker.
        if store.size(&Object::Manifest(job)).await?.is_none() {
            return Ok(());
        }
        store.put_end(&marker).await?;
    }
    Ok(())
}

/// The end marker of a job as Redis has it; `None` if it has not ended or its files are gone.
pub fn marker_of(view: &JobView) -> Option<EndMarker> {
    if !view.status.is_terminal() || view.status == JobStatus::Expired {
        return None;
    }
    let is_done = view.status == JobStatus::Done;
    let marker = EndMarker {
        job: view.job,
        run: view.run,
        status: view.status,
        reason: view.reason.clone(),
        final_filename: view.final_filename.clone().filter(|_| is_done),
        bytes_out: if is_done { view.bytes_out } else { 0 },
        digest: view.digest.filter(|_| is_done),
        notices: Vec::new(),
        finished_at: view.finished_at.clone().unwrap_or_else(now),
    };
    Some(marker.noting(&view.notices))
}

/// Whether two markers tell the same end.
fn is_same(one: &EndMarker, other: &EndMarker) -> bool {
    (one.run, one.status, &one.final_filename) == (other.run, other.status, &other.final_filename)
}

#[cfg(test)]
#[cfg(feature = "broker-tests")]
pub(crate) mod tests;
