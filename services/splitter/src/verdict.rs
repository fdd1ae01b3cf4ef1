//! Ending a job that cannot be read, and holding the end marker of a job against Redis.

use tessera::ending::{self, JobVerdict};
use tessera::job::JobId;
use tessera::patience::{NoAnswer, insist};
use tessera::store::Object;

use crate::grant::Grant;
use crate::splitter::Splitter;

/// Runs after which a job whose files are damaged again and again is given up.
const MOST_RUNS: u32 = 5;

/// Fails a job; says whether that was made known, which fails only when the splitter stops first.
pub async fn fail(splitter: &Splitter, job: JobId, reason: &str) -> bool {
    let keep = splitter.config.limits.keep_results();
    let verdict = JobVerdict::failed(job, None, reason);
    let end = || ending::end(&splitter.state, &splitter.store, &verdict, keep);
    match insist(&splitter.shutdown, "failing a job", end).await {
        Err(NoAnswer::Stopping) => return false,
        Err(NoAnswer::Failed(error)) => tracing::error!(%job, %error, reason, "failing a job"),
        Ok(transition) => tracing::warn!(%job, ?transition, reason, "the job has failed"),
    }
    true
}

/// Starts a job over whose pass read something other than what was written; says whether that was made known, as
/// [`fail`] does.
pub async fn begin_anew(splitter: &Splitter, grant: &Grant, reason: &str) -> bool {
    let job = grant.manifest.job;
    if grant.run >= MOST_RUNS {
        let text = format!("{reason}, again and again: look after the disk and the memory of the machines, then retry");
        return fail(splitter, job, &text).await;
    }
    let rows = splitter.state.job(job).await.ok().flatten().and_then(|view| view.rows);
    let begin = || splitter.state.begin_anew(job, &grant.lease, grant.run + 1, reason);
    match insist(&splitter.shutdown, "starting a job over", begin).await {
        Err(NoAnswer::Stopping) => return false,
        Err(NoAnswer::Failed(error)) => tracing::error!(%job, %error, reason, "starting a job over"),
        Ok(transition) => {
            tracing::warn!(%job, ?transition, reason, "the job is started over");
            remove_rows(splitter, job, rows.filter(|_| transition.is_so())).await;
        }
    }
    true
}

/// Removes the rows that a run which is over has made; what remains goes with the job's files.
async fn remove_rows(splitter: &Splitter, job: JobId, rows: Option<String>) {
    let Some(object @ Object::Rows { .. }) = rows.and_then(|name| name.parse().ok()) else { return };
    if object.job() == job
        && let Err(error) = splitter.store.delete(&object).await
    {
        tracing::debug!(%object, %error, "could not remove rows");
    }
}

/// Makes the end marker of a job say what Redis says: it was ended by one that does not reach the store.
pub async fn mark_end(splitter: &Splitter, job: JobId) {
    if let Err(error) = ending::agree(&splitter.state, &splitter.store, job, None).await {
        tracing::warn!(%job, %error, "the end marker is left to the monitor");
    }
}
