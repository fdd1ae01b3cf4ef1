//! What becomes of a job whose files are damaged: its result is made again from the original, or it fails and says
//! what to do. A damaged result is never left to be served.
//!
//! Owns what counts as damaged, and that a job is run again from its first stage.

use std::fmt;
use std::time::Duration;

use crate::ending::{EndError, agree};
use crate::job::{EndMarker, JobId, JobStatus, Manifest};
use crate::state::{JobView, State, Transition};
use crate::store::{Damage, Object, Store, StoreError};
use crate::time::now;

/// What was done about a damaged result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// The job is queued again.
    Again,
    /// Its picture is damaged too, or gone: the job has failed.
    Failed,
    /// The job is not done any more, or has another result: nothing was done.
    Nothing,
}

/// A file of a job that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which file.
    pub object: Object,
    /// What is wrong with it.
    pub damage: Damage,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.object, self.damage)
    }
}

/// Reads the files of a job that the store says is done or waits, and tells what is damaged. `rate` bounds how many
/// bytes a second are read.
///
/// # Errors
/// [`StoreError::Unavailable`] if the store gives no answer.
pub async fn inspect(store: &Store, job: JobId, rate: Option<u64>) -> Result<Vec<Finding>, StoreError> {
    let damaged = |object, cause: String| Finding { object, damage: Damage::Unreadable(cause) };
    let mut findings = Vec::new();
    let manifest = match store.manifest(job).await {
        Err(StoreError::Damaged { cause, .. }) => {
            findings.push(damaged(Object::Manifest(job), cause));
            None
        }
        // An upload under way.
        Ok(None) => return Ok(findings),
        manifest => manifest?,
    };
    if let Some(manifest) = &manifest {
        let original = Object::Original(job);
        let damage = store.verify(&original, manifest.bytes_in, manifest.digest.as_ref(), rate).await?;
        findings.extend(damage.map(|damage| Finding { object: original, damage }));
    }
    let end = match store.end(job).await {
        Err(StoreError::Damaged { cause, .. }) => {
            findings.push(damaged(Object::End(job), cause));
            None
        }
        end => end?,
    };
    let result = end.filter(|end| end.status == JobStatus::Done);
    if let Some(result) = result.as_ref().filter(|end| manifest.as_ref().is_none_or(|of| of.run <= end.run)) {
        findings.extend(inspect_result(store, result, rate).await?);
    }
    // A job that was deleted while it was read is not damaged.
    if !findings.is_empty() && store.size(&Object::Manifest(job)).await?.is_none() {
        findings.clear();
    }
    Ok(findings)
}

async fn inspect_result(store: &Store, end: &EndMarker, rate: Option<u64>) -> Result<Option<Finding>, StoreError> {
    let name = end.final_filename.clone().unwrap_or_default();
    let Ok(object) = name.parse::<Object>() else {
        let damage = Damage::Unreadable(format!("it names the result {name:?}"));
        return Ok(Some(Finding { object: Object::End(end.job), damage }));
    };
    let damage = store.verify(&object, end.bytes_out, end.digest.as_ref(), rate).await?;
    Ok(damage.map(|damage| Finding { object, damage }))
}

/// Takes a damaged result out of use: its job runs again if its picture is whole, and fails if it is not.
///
/// # Errors
/// [`EndError`] if Redis or the store gives no answer; asking again is harmless.
pub async fn replace_result(
    state: &State,
    store: &Store,
    view: &JobView,
    damage: &Damage,
    keep: Duration,
) -> Result<Mended, EndError> {
    let job = view.job;
    let Some(name) = view.final_filename.clone().filter(|_| view.status == JobStatus::Done) else {
        return Ok(Mended::Nothing);
    };
    let whole = whole_original(store, job).await?;
    let reason = match &whole {
        Ok(_) => format!("its result was damaged in the store ({damage}): run the job again"),
        Err(why) => format!("its result was damaged in the store ({damage}), and {why}: send the picture again"),
    };
    tracing::error!(%job, result = name, %damage, can_be_made_anew = whole.is_ok(), "a result is damaged");
    let marker = EndMarker {
        job,
        run: view.run,
        status: JobStatus::Failed,
        reason: Some(reason),
        final_filename: None,
        bytes_out: 0,
        digest: None,
        notices: Vec::new(),
        finished_at: now(),
    };
    let marker = marker.noting(&view.notices);
    store.put_end(&marker).await?;
    let taken_back = state.take_back(&marker, &name, keep).await?;
    if !taken_back.is_so() {
        agree(state, store, job, Some(&marker)).await?;
        return Ok(Mended::Nothing);
    }
    if let Ok(object @ Object::Result { .. }) = name.parse() {
        store.delete(&object).await?;
    }
    let Ok(manifest) = whole else { return Ok(Mended::Failed) };
    run_again(state, store, manifest, view.run).await?;
    let note = format!("the result of {job} was damaged in the store; it is made again");
    state.activity(&note, Some(job)).await?;
    Ok(Mended::Again)
}

/// The manifest of a job whose original is as it was sent; else what is wrong.
async fn whole_original(store: &Store, job: JobId) -> Result<Result<Manifest, String>, StoreError> {
    let manifest = match store.manifest(job).await {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Ok(Err("its description is gone".to_owned())),
        Err(StoreError::Damaged { .. }) => return Ok(Err("its description is damaged".to_owned())),
        Err(error) => return Err(error),
    };
    let original = Object::Original(job);
    let damage = store.verify(&original, manifest.bytes_in, manifest.digest.as_ref(), None).await?;
    Ok(damage.map_or(Ok(manifest), |damage| Err(format!("so was the picture ({damage})"))))
}

/// Begins the run after `run` of a job that failed or was cancelled, from its first stage.
///
/// # Errors
/// [`EndError`] if Redis or the store gives no answer; asking again is harmless.
pub async fn run_again(state: &State, store: &Store, manifest: Manifest, run: u32) -> Result<Transition, EndError> {
    let (job, run) = (manifest.job, run + 1);
    // The marker belongs to the last run: it goes when the description says that there is another.
    store.put_manifest(&Manifest { run, ..manifest }).await?;
    store.delete(&Object::End(job)).await?;
    Ok(state.retry(job, run).await?)
}

#[cfg(test)]
#[cfg(feature = "broker-tests")]
mod tests;
