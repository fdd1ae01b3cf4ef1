//! Jobs by id, in pages, by status.
//!
//! The hashes are the truth, and every change of a status changes the indexes with it. What is left of a hash that ran
//! out, or was restored by hand, the next repair (`repair.rs`) puts right: readers of an index must bear that.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::client::State;
use super::error::StateError;
use super::view::JobView;
use crate::job::{JobId, JobStatus};

/// Jobs on a page at most.
const PAGE: usize = 500;

/// A job and what Redis has of it.
type ReadJob = (JobId, Result<Option<JobView>, StateError>);

/// Which jobs come first in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    Newest,
    /// The oldest.
    Oldest,
}

impl Order {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Newest, Self::Oldest];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|order| order.as_str() == text);
        known.ok_or_else(|| format!("order must be one of newest, oldest, got {text:?}"))
    }
}

impl State {
    /// A job's hash; `None` if there is none.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or has lost its data.
    pub async fn job(&self, job: JobId) -> Result<Option<JobView>, StateError> {
        match self.read_jobs(&[job]).await?.pop() {
            Some((_, Ok(Some(view)))) => Ok(Some(view)),
            Some((_, Err(error))) => Err(error),
            Some((_, Ok(None))) | None => self.believe_unknown().await.map(|()| None),
        }
    }

    /// The hashes of several jobs, in one pipeline; those that have none, or another kind of key, are left out.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn views(&self, jobs: &[JobId]) -> Result<Vec<JobView>, StateError> {
        let read = self.read_jobs(jobs).await?;
        Ok(read.into_iter().filter_map(|(_, view)| view.ok().flatten()).collect())
    }

    /// What Redis has of several jobs, one by one.
    async fn read_jobs(&self, jobs: &[JobId]) -> Result<Vec<ReadJob>, StateError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let redis_ms = self.redis_ms().await?;
        let mut views = Vec::with_capacity(jobs.len());
        for some in jobs.chunks(PAGE) {
            let mut pipeline = redis::pipe();
            for job in some {
                pipeline.cmd("HGETALL").arg(self.keys.job(*job));
            }
            let hashes = self.pipeline_each(&mut pipeline).await?;
            let read = |hash: redis::Value| redis::from_redis_value::<HashMap<String, String>>(hash);
            let read = |hash| read(hash).map_err(|error| StateError::Data(format!("a job's hash: {error}")));
            let view = |job, hash: Result<_, _>| hash.and_then(read).map(|hash| JobView::read(job, hash, redis_ms));
            views.extend(some.iter().zip(hashes).map(|(job, hash)| (*job, view(*job, hash))));
        }
        Ok(views)
    }

    /// Jobs of one status or of all, by when they were accepted, from `cursor` on; with the cursor of the next
    /// page, if there may be one.
    ///
    /// # Errors
    /// [`StateError::Data`] if `cursor` is not one that an earlier page gave, and if Redis gives no answer.
    pub async fn list(
        &self,
        status: Option<JobStatus>,
        order: Order,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<JobView>, Option<String>), StateError> {
        let limit = limit.clamp(1, PAGE);
        let (command, start, end) = match order {
            Order::Newest => ("ZREVRANGEBYLEX", "+", "-"),
            Order::Oldest => ("ZRANGEBYLEX", "-", "+"),
        };
        let from = match cursor {
            None => start.to_owned(),
            Some(text) => {
                let job: JobId = text
                    .parse()
                    .map_err(|_| StateError::Data("the cursor is not one that an earlier page gave".to_owned()))?;
                format!("({job}")
            }
        };
        let key = status.map_or_else(|| self.keys.jobs(), |status| self.keys.status(status));
        let mut command = redis::cmd(command);
        command.arg(key).arg(from).arg(end).arg("LIMIT").arg(0).arg(limit);
        let ids: Vec<String> = self.of_shared_keys(async || self.query(&command).await).await?;
        let next = ids.last().filter(|_| ids.len() == limit).cloned();
        let jobs: Vec<JobId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut views = self.views(&jobs).await?;
        // The index may lag behind a transition: what is not of that status any more is not shown.
        views.retain(|view| status.is_none_or(|status| view.status == status));
        Ok((views, next))
    }

    /// Jobs per status.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn counts(&self) -> Result<Vec<(JobStatus, u64)>, StateError> {
        let mut pipeline = redis::pipe();
        for status in JobStatus::ALL {
            pipeline.cmd("ZCARD").arg(self.keys.status(status));
        }
        let counts: Vec<u64> = self.of_shared_keys(async || self.pipeline(&pipeline).await).await?;
        Ok(JobStatus::ALL.into_iter().zip(counts).collect())
    }

    /// Jobs that have not ended: what `max_queued_jobs` is compared with.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn queued(&self) -> Result<u64, StateError> {
        let counts = self.counts().await?;
        Ok(counts.into_iter().filter(|(status, _)| !status.is_terminal()).map(|(_, count)| count).sum())
    }

    /// The jobs that are `processing` or `finishing`, at most `limit` of each: for the sweeper.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn processing_jobs(&self, limit: usize) -> Result<Vec<JobView>, StateError> {
        Ok(self.jobs_in_hand(limit).await?.0)
    }

    /// As [`State::processing_jobs`], and those among them whose hash is damaged: they are to fail.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn jobs_in_hand(&self, limit: usize) -> Result<(Vec<JobView>, Vec<JobId>), StateError> {
        let mut jobs = Vec::new();
        for status in [JobStatus::Processing, JobStatus::Finishing] {
            let mut command = redis::cmd("ZRANGE");
            let last = limit.max(1) - 1;
            command.arg(self.keys.status(status)).arg(0).arg(last);
            let ids: Vec<String> = self.of_shared_keys(async || self.query(&command).await).await?;
            jobs.extend(ids.iter().filter_map(|id| id.parse::<JobId>().ok()));
        }
        let (mut views, mut damaged) = (Vec::new(), Vec::new());
        for (job, view) in self.read_jobs(&jobs).await? {
            match view {
                Ok(view) => views.extend(view),
                Err(_) => damaged.push(job),
            }
        }
        Ok((views, damaged))
    }
}
