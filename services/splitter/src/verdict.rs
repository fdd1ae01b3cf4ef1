//! Ending a job that cannot be read, and leaving the mark of an end in the store.
//!
//! The mark survives Redis. It is written after Redis has decided, because only one end counts.

use tessera::job::{EndMarker, JobId};
use tessera::patience::answered;
use tessera::state::StateError;
use tessera::store::StoreError;

use crate::desk::Desk;

/// Fails a job; says whether Redis took it, which is not so only when the splitter stops first.
pub async fn fail(desk: &Desk, job: JobId, reason: &str) -> bool {
    let keep = desk.config.limits.keep_results();
    match answered(&desk.shutdown, async || desk.state.fail(job, reason, keep).await).await {
        None => return false,
        Some(Err(error)) => tracing::error!(%job, %error, reason, "failing a job"),
        Some(Ok(transition)) => tracing::warn!(%job, ?transition, reason, "the job has failed"),
    }
    mark_end(desk, job).await;
    true
}

/// Writes the end marker of a job that failed or was cancelled, unless there is one of that run.
///
/// A `done` job has its marker from the stitcher. A marker that cannot be written is no disaster: if
/// Redis should lose its data too, the job runs once more.
pub async fn mark_end(desk: &Desk, job: JobId) {
    if let Err(error) = try_mark_end(desk, job).await {
        tracing::warn!(%job, %error, "writing the end marker");
    }
}

#[derive(Debug, thiserror::Error)]
enum MarkError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn try_mark_end(desk: &Desk, job: JobId) -> Result<(), MarkError> {
    let Some(view) = desk.state.job(job).await? else { return Ok(()) };
    if !view.status.is_terminal() || view.final_filename.is_some() || desk.store.manifest(job).await?.is_none() {
        return Ok(());
    }
    if desk.store.end(job).await?.is_some_and(|end| end.run >= view.run) {
        return Ok(());
    }
    let end = EndMarker {
        job,
        run: view.run,
        status: view.status,
        reason: view.reason,
        final_filename: None,
        bytes_out: 0,
        finished_at: view.finished_at.unwrap_or_else(tessera::time::now),
    };
    Ok(desk.store.put_end(&end).await?)
}
