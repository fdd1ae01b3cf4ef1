//! Keys of all jobs or workers that hold another kind of value than belongs there: they are made again.
//!
//! Owns that a key that was overwritten from outside stops no job for longer than a repair takes. What it held of
//! Tessera is lost by then; indexes are made again from the jobs' hashes. A key of one job is not mended: that job
//! fails, with a reason.

use super::client::State;
use super::error::StateError;
use crate::job::JobStatus;

impl State {
    /// Asks something of shared keys; if one of them holds another kind of value, mends it and asks once more.
    pub(super) async fn of_shared_keys<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        match ask().await {
            Err(error @ StateError::Data(_)) => {
                if self.mend_shared_keys().await? {
                    ask().await
                } else {
                    Err(error)
                }
            }
            answer => answer,
        }
    }

    /// Removes shared keys of a wrong kind and makes the indexes again; says whether there were any.
    async fn mend_shared_keys(&self) -> Result<bool, StateError> {
        let keys = self.shared_keys();
        let mut pipeline = redis::pipe();
        for (key, _) in &keys {
            pipeline.cmd("TYPE").arg(key);
        }
        let kinds: Vec<String> = self.pipeline(&pipeline).await?;
        let wrong = keys.iter().zip(&kinds).filter(|((_, kind), is)| kind != is && *is != "none");
        let wrong: Vec<(&String, &String)> = wrong.map(|((key, _), is)| (key, is)).collect();
        for (key, is) in &wrong {
            tracing::error!(key, is, "a key of redis held another kind of value than belongs there; it is made again");
            self.query::<()>(redis::cmd("DEL").arg(key)).await?;
        }
        if !wrong.is_empty() {
            self.repair_indexes().await?;
        }
        Ok(!wrong.is_empty())
    }

    fn shared_keys(&self) -> Vec<(String, &'static str)> {
        let by_status = JobStatus::ALL.into_iter().map(|status| self.keys.status(status));
        let sets = by_status.chain([self.keys.jobs(), self.keys.ready(), self.keys.workers()]);
        let others = [(self.keys.worker_numbers(), "hash"), (self.keys.activity(), "stream")];
        sets.map(|key| (key, "zset")).chain(others).collect()
    }
}
