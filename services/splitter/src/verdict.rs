//! Ending a job that cannot be read, and holding the end marker of a job against Redis.

use tessera::ending::{self, Verdict};
use tessera::job::JobId;
use tessera::patience::{NoAnswer, insist};

use crate::splitter::Splitter;

/// Fails a job; says whether that was made known, which is not so only when the splitter stops first.
pub async fn fail(splitter: &Splitter, job: JobId, reason: &str) -> bool {
    let keep = splitter.config.limits.keep_results();
    let verdict = Verdict::failed(job, None, reason);
    let end = || ending::end(&splitter.state, &splitter.store, &verdict, keep);
    match insist(&splitter.shutdown, "failing a job", end).await {
        Err(NoAnswer::Stopping) => return false,
        Err(NoAnswer::Failed(error)) => tracing::error!(%job, %error, reason, "failing a job"),
        Ok(transition) => tracing::warn!(%job, ?transition, reason, "the job has failed"),
    }
    true
}

/// Makes the end marker of a job say what Redis says: it was ended by one that does not reach the store.
pub async fn mark_end(splitter: &Splitter, job: JobId) {
    if let Err(error) = ending::agree(&splitter.state, &splitter.store, job, None).await {
        tracing::warn!(%job, %error, "the end marker is left to the monitor");
    }
}
