//! The repair of the indexes over jobs, from their hashes.
//!
//! Owns that every job with a hash is in the indexes where it belongs, and nothing else is in any.

use super::client::State;
use super::error::StateError;
use super::script;
use crate::job::JobId;

/// Keys looked at in one step of a repair.
const REPAIR_STEP: usize = 200;

impl State {
    /// Makes the indexes agree with the hashes; gives how many hashes were looked at. Takes a pass over all
    /// keys: for the sweeper, about once a minute.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or has lost its data.
    pub async fn repair_indexes(&self) -> Result<usize, StateError> {
        self.ping().await?;
        let (mut cursor, mut seen) = (0_u64, 0);
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(self.keys.job_pattern()).arg("COUNT").arg(REPAIR_STEP);
            let (next, keys): (u64, Vec<String>) = self.query(&command).await?;
            let jobs: Vec<JobId> = keys.iter().filter_map(|key| self.keys.parse_job(key)).collect();
            seen += jobs.len();
            self.reindex(&jobs).await?;
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        for key in self.keys.indexes() {
            self.drop_strays(&key).await?;
        }
        Ok(seen)
    }

    /// Takes out of an index what has no hash.
    async fn drop_strays(&self, index: &str) -> Result<(), StateError> {
        let mut cursor = 0_u64;
        loop {
            let mut command = redis::cmd("ZSCAN");
            let (next, members): (u64, Vec<(String, f64)>) =
                self.query(command.arg(index).arg(cursor).arg("COUNT").arg(REPAIR_STEP)).await?;
            let jobs: Vec<JobId> = members.iter().filter_map(|(id, _)| id.parse().ok()).collect();
            let rubbish: Vec<&String> =
                members.iter().map(|(id, _)| id).filter(|id| id.parse::<JobId>().is_err()).collect();
            let strays = self.without_hash(&jobs).await?;
            self.reindex(&strays).await?;
            if !rubbish.is_empty() {
                self.query::<()>(redis::cmd("ZREM").arg(index).arg(rubbish)).await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// The jobs that have no hash, by one pipeline.
    async fn without_hash(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StateError> {
        let mut pipeline = redis::pipe();
        for job in jobs {
            pipeline.cmd("EXISTS").arg(self.keys.job(*job));
        }
        let exist: Vec<bool> = if pipeline.is_empty() { Vec::new() } else { self.pipeline(&pipeline).await? };
        Ok(jobs.iter().zip(exist).filter(|(_, exists)| !exists).map(|(job, _)| *job).collect())
    }

    /// Makes the indexes agree with the hashes of jobs, each in one step; who has none is taken out of all.
    pub(super) async fn reindex(&self, jobs: &[JobId]) -> Result<(), StateError> {
        let call = |job: &JobId| script::REINDEX.call().key(self.keys.job(*job)).indexes(&self.keys);
        self.scripts(jobs.iter().map(call).collect()).await.map(drop)
    }
}
