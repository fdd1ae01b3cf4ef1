//! The way back after Redis lost its data: jobs are rebuilt from the manifests and end markers in the store.
//!
//! Only the monitor calls this. Until it has set the sentinel, Redis counts as down for all services. A
//! first start is the same thing with nothing to rebuild.

use std::time::Duration;

use super::KEEP_KEYS;
use super::client::State;
use super::error::StateError;
use crate::job::{EndMarker, JobId, JobStatus, Manifest, Token};
use crate::store::{Store, StoreError};
use crate::time::millis;

/// How long one monitor may be silent before another rebuilds.
const LOCK: Duration = Duration::from_secs(60);
/// Jobs between two renewals of the lock.
const JOBS_PER_RENEWAL: usize = 50;

/// Why jobs could not be rebuilt; the next call begins again, what is there already is left.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Redis gave no answer.
    #[error("rebuilding jobs")]
    State(#[from] StateError),
    /// The store gave no answer.
    #[error("rebuilding jobs")]
    Store(#[from] StoreError),
}

/// What a rebuild found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// The sentinel was there: nothing was lost.
    NothingLost,
    /// Another monitor is at it.
    Elsewhere,
    /// Done; the sentinel is set.
    Jobs {
        /// Jobs that are queued again.
        queued: usize,
        /// Jobs that had ended.
        ended: usize,
        /// Folders whose manifest cannot be read; they are left to the janitor.
        damaged: usize,
    },
}

/// Rebuilds all jobs if the sentinel is missing, then sets it. `keep` is how long results are kept.
///
/// # Errors
/// [`RebuildError`] if Redis or the store gives no answer; the sentinel is not set then.
pub async fn rebuild(state: &State, store: &Store, keep: Duration) -> Result<Rebuilt, RebuildError> {
    if state.is_alive().await? {
        return Ok(Rebuilt::NothingLost);
    }
    let token = Token::random();
    if !state.lock_rebuild(&token).await? {
        return Ok(Rebuilt::Elsewhere);
    }
    let (mut queued, mut ended, mut damaged) = (0, 0, 0);
    for (number, job) in store.jobs().await?.into_iter().enumerate() {
        if number % JOBS_PER_RENEWAL == JOBS_PER_RENEWAL - 1 && !state.lock_rebuild(&token).await? {
            return Ok(Rebuilt::Elsewhere);
        }
        match rebuild_job(state, store, job, keep).await {
            Ok(Some(true)) => ended += 1,
            Ok(Some(false)) => queued += 1,
            // A folder without manifest is an upload under way, or what a crash left of one.
            Ok(None) => {}
            Err(RebuildError::Store(StoreError::Damaged { .. })) => damaged += 1,
            Err(error) => return Err(error),
        }
    }
    state.set_sentinel().await?;
    state.unlock_rebuild(&token).await?;
    let text = format!("rebuilt the state from the store: {queued} jobs queued, {ended} ended, {damaged} damaged");
    state.activity(&text, None).await?;
    Ok(Rebuilt::Jobs { queued, ended, damaged })
}

/// Rebuilds one job; says whether it had ended.
async fn rebuild_job(state: &State, store: &Store, job: JobId, keep: Duration) -> Result<Option<bool>, RebuildError> {
    let Some(manifest) = store.manifest(job).await? else { return Ok(None) };
    // The end of an earlier run says nothing about this one: the job was retried.
    let end = match store.end(job).await {
        // How it ended is not known any more: it is run again rather than lost.
        Err(StoreError::Damaged { name, cause }) => {
            tracing::error!(%job, name, cause, "an end marker is damaged; the job is run again");
            None
        }
        end => end?,
    };
    let end = end.filter(|end| end.run >= manifest.run && end.status.is_terminal());
    match &end {
        Some(end) => state.restore_ended(&manifest, end, keep).await?,
        None => state.restore_queued(&manifest).await?,
    }
    // A job without a result makes room for another with its key.
    if end.as_ref().is_none_or(|end| end.status == JobStatus::Done) {
        let since = end.as_ref().map_or(&manifest.created_at, |end| &end.finished_at);
        state.restore_key(&manifest, time_left(since, keep, state.redis_ms().await?)).await?;
    }
    Ok(Some(end.is_some()))
}

impl State {
    async fn restore_queued(&self, manifest: &Manifest) -> Result<(), StateError> {
        self.create(manifest, JobStatus::Queued, None, &[]).await?;
        // Also one that an upload is just making: `accepting` becomes `queued`.
        self.queue(manifest.job).await.map(|_| ())
    }

    async fn restore_ended(&self, manifest: &Manifest, end: &EndMarker, keep: Duration) -> Result<(), StateError> {
        let mut more = vec![
            ("run", end.run.to_string()),
            ("finished_at", end.finished_at.clone()),
            ("updated_at", end.finished_at.clone()),
            ("bytes_out", end.bytes_out.to_string()),
        ];
        more.extend(end.reason.clone().map(|reason| ("reason", reason)));
        more.extend(end.digest.map(|digest| ("digest", digest.to_string())));
        more.extend(end.final_filename.clone().map(|name| ("final_filename", name)));
        if !end.notices.is_empty() {
            more.push(("notices", end.notices.join("\n")));
        }
        let left = time_left(&end.finished_at, keep + KEEP_KEYS, self.redis_ms().await?);
        self.create(manifest, end.status, Some(left), &more).await?;
        if end.status == JobStatus::Done {
            self.all_received(manifest).await?;
        }
        Ok(())
    }

    /// A job that is done has all its tiles, also when its bitmap is lost.
    async fn all_received(&self, manifest: &Manifest) -> Result<(), StateError> {
        let last = manifest.plan.stages.len().saturating_sub(1);
        let tiles = manifest.plan.stages.last().map_or(0, |stage| stage.grid().tiles());
        let mut command = redis::cmd("HSET");
        command.arg(self.keys.job(manifest.job)).arg("stage").arg(last);
        self.query(command.arg("received_tiles").arg(tiles).arg("total_tiles").arg(tiles)).await
    }

    /// Takes or renews the lock.
    async fn lock_rebuild(&self, token: &Token) -> Result<bool, StateError> {
        let key = self.keys.rebuilding();
        let seconds = LOCK.as_secs();
        let mut command = redis::cmd("SET");
        let taken: Option<String> =
            self.query(command.arg(&key).arg(token.as_str()).arg("NX").arg("EX").arg(seconds)).await?;
        if taken.is_some() {
            return Ok(true);
        }
        let holder: Option<String> = self.query(redis::cmd("GET").arg(&key)).await?;
        if holder.as_deref() != Some(token.as_str()) {
            return Ok(false);
        }
        self.query::<u32>(redis::cmd("EXPIRE").arg(&key).arg(seconds)).await.map(|set| set == 1)
    }

    async fn unlock_rebuild(&self, token: &Token) -> Result<(), StateError> {
        let holder: Option<String> = self.query(redis::cmd("GET").arg(self.keys.rebuilding())).await?;
        if holder.as_deref() == Some(token.as_str()) {
            self.query::<()>(redis::cmd("DEL").arg(self.keys.rebuilding())).await?;
        }
        Ok(())
    }
}

/// What is left of `keep` since `finished_at`; at least a minute, so that the janitor sees the job once.
fn time_left(finished_at: &str, keep: Duration, now_ms: i64) -> Duration {
    let passed = now_ms.saturating_sub(millis(finished_at).unwrap_or(0)).max(0).unsigned_abs();
    keep.saturating_sub(Duration::from_millis(passed)).max(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::now;

    #[test]
    fn what_ended_long_ago_is_kept_for_a_minute_more() {
        let hour = Duration::from_secs(3600);
        let now_ms = crate::time::now_ms();
        assert_eq!(time_left("2020-01-01T00:00:00.000Z", hour, now_ms), Duration::from_secs(60));
        assert!(time_left(&now(), hour, now_ms) > Duration::from_secs(3590));
        assert_eq!(time_left("rubbish", hour, now_ms), Duration::from_secs(60));
    }
}
