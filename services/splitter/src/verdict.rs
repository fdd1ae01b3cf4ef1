//! Ending a job that cannot be read, and holding the end marker of a job against Redis.

use tessera::ending::{self, Verdict};
use tessera::job::JobId;
use tessera::patience::{NoAnswer, insist};
use tessera::store::Object;

use crate::desk::Desk;
use crate::pass::Grant;

/// Runs after which a job whose files are damaged again and again is given up.
const MOST_RUNS: u32 = 5;

/// Fails a job; says whether that was made known, which is not so only when the splitter stops first.
pub async fn fail(desk: &Desk, job: JobId, reason: &str) -> bool {
    let keep = desk.config.limits.keep_results();
    let verdict = Verdict::failed(job, None, reason);
    let end = || ending::end(&desk.state, &desk.store, &verdict, keep);
    match insist(&desk.shutdown, "failing a job", end).await {
        Err(NoAnswer::Stopping) => return false,
        Err(NoAnswer::Failed(error)) => tracing::error!(%job, %error, reason, "failing a job"),
        Ok(transition) => tracing::warn!(%job, ?transition, reason, "the job has failed"),
    }
    true
}

/// Begins a job anew whose pass read what nobody wrote; says whether that was made known, as [`fail`] does.
pub async fn begin_anew(desk: &Desk, grant: &Grant, reason: &str) -> bool {
    let job = grant.manifest.job;
    if grant.run >= MOST_RUNS {
        let text = format!("{reason}, again and again: look after the disk and the memory of the machines, then retry");
        return fail(desk, job, &text).await;
    }
    let rows = desk.state.job(job).await.ok().flatten().and_then(|view| view.rows);
    let begin = || desk.state.begin_anew(job, &grant.lease, grant.run + 1, reason);
    match insist(&desk.shutdown, "beginning a job anew", begin).await {
        Err(NoAnswer::Stopping) => return false,
        Err(NoAnswer::Failed(error)) => tracing::error!(%job, %error, reason, "beginning a job anew"),
        Ok(transition) => {
            tracing::warn!(%job, ?transition, reason, "the job is begun anew");
            remove_rows(desk, job, rows.filter(|_| transition.is_so())).await;
        }
    }
    true
}

/// Removes the rows that a run which is over has made; what remains goes with the job's files.
async fn remove_rows(desk: &Desk, job: JobId, rows: Option<String>) {
    let Some(object @ Object::Rows { .. }) = rows.and_then(|name| name.parse().ok()) else { return };
    if object.job() == job
        && let Err(error) = desk.store.delete(&object).await
    {
        tracing::debug!(%object, %error, "could not remove rows");
    }
}

/// Makes the end marker of a job say what Redis says: it was ended by one that does not reach the store.
pub async fn mark_end(desk: &Desk, job: JobId) {
    if let Err(error) = ending::agree(&desk.state, &desk.store, job, None).await {
        tracing::warn!(%job, %error, "the end marker is left to the monitor");
    }
}
