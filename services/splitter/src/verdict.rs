//! Ending a job that cannot be read, and holding the end marker of a job against Redis.

use tessera::ending::{self, Verdict};
use tessera::job::JobId;
use tessera::patience::{NoAnswer, insist};

use crate::desk::Desk;

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

/// Makes the end marker of a job say what Redis says: it was ended by one that does not reach the store.
pub async fn mark_end(desk: &Desk, job: JobId) {
    if let Err(error) = ending::agree(&desk.state, &desk.store, job, None).await {
        tracing::warn!(%job, %error, "the end marker is left to the monitor");
    }
}
