//! Progress: what moves a job, who waits where, and what is known of a job that does not move.
//!
//! Owns the clock by which this is told, that of Redis. Judges nothing: what is stuck is the monitor's verdict.

use std::collections::HashSet;
use std::time::Duration;

use super::client::State;
use super::error::StateError;
use super::script;
use crate::job::{JobId, JobStatus, Token, WorkerId};
use crate::time::now;

/// How long a job is believed to wait in a line after that was said.
const WAIT_BELIEVED: Duration = Duration::from_secs(15);
/// Keys looked at in one step of a scan.
const SCAN_STEP: usize = 500;

/// What is known of a job beside its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is among the ready ones: a splitter will lease it when it has a place.
    pub is_ready: bool,
    /// The starts of workers that took a tile of its stage and neither finished it nor gave it back.
    pub in_hand: HashSet<Token>,
}

impl State {
    /// Notes that stages of jobs have moved: rows were read, or strips encoded.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn moved(&self, stages: &[(JobId, u32)]) -> Result<(), StateError> {
        self.note_progress(stages, "moved").await
    }

    /// Notes that stages of jobs wait in a line that moves; believed for a quarter of a minute.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn waits_in_line(&self, stages: &[(JobId, u32)]) -> Result<(), StateError> {
        self.note_progress(stages, "waits").await
    }

    /// Notes how far a worker has come with the whole picture of a job, in thousandths of the rows that it reads.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn rows_done(&self, job: JobId, worker: &WorkerId, permille: u32) -> Result<(), StateError> {
        let call = script::PROGRESS.call().key(self.keys.job(job)).arg(0).arg("rows").arg(now());
        self.script(call.arg(worker).arg(permille.min(1000))).await.map(|_| ())
    }

    /// Notes that a stitcher has read a check of a job, whatever comes of it.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn heard(&self, job: JobId, stage: u32) -> Result<(), StateError> {
        self.note_progress(&[(job, stage)], "heard").await
    }

    async fn note_progress(&self, stages: &[(JobId, u32)], what: &'static str) -> Result<(), StateError> {
        let (time, believed) = (now(), WAIT_BELIEVED.as_millis());
        let call = |(job, stage): &(JobId, u32)| {
            script::PROGRESS.call().key(self.keys.job(*job)).arg(stage).arg(what).arg(&time).arg(believed)
        };
        self.scripts(stages.iter().map(call).collect()).await.map(|_| ())
    }

    /// Where jobs stand that do not move, in one pipeline; answers are in the order of the jobs.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn standings(&self, jobs: &[(JobId, u32)]) -> Result<Vec<Standing>, StateError> {
        let mut standings = Vec::with_capacity(jobs.len());
        for some in jobs.chunks(SCAN_STEP) {
            let mut pipeline = redis::pipe();
            for (job, stage) in some {
                pipeline.cmd("ZSCORE").arg(self.keys.ready()).arg(job.to_string());
                pipeline.cmd("HVALS").arg(self.keys.tries(*job, *stage));
            }
            let values: Vec<redis::Value> = self.pipeline(&pipeline).await?;
            standings.extend(values.chunks(2).map(standing));
        }
        Ok(standings)
    }

    /// Jobs that have been `accepting` for `age`: they were not queued as they should have been.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or has lost its data.
    pub async fn left_accepting(&self, age: Duration) -> Result<Vec<JobId>, StateError> {
        self.ping().await?;
        let before = self.redis_ms().await?.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let (mut cursor, mut left) = (0_u64, Vec::new());
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(self.keys.job_pattern()).arg("COUNT").arg(SCAN_STEP);
            let (next, keys): (u64, Vec<String>) = self.query(&command).await?;
            let jobs: Vec<JobId> = keys.iter().filter_map(|key| self.keys.parse_job(key)).collect();
            let mut pipeline = redis::pipe();
            for job in &jobs {
                pipeline.cmd("HMGET").arg(self.keys.job(*job)).arg(&["status", "progress_ms"]);
            }
            let fields: Vec<(Option<String>, Option<i64>)> =
                if jobs.is_empty() { Vec::new() } else { self.pipeline(&pipeline).await? };
            let accepting = Some(JobStatus::Accepting.as_str());
            let is_left = |(status, since): &(Option<String>, Option<i64>)| {
                status.as_deref() == accepting && since.unwrap_or(0) <= before
            };
            left.extend(jobs.iter().zip(&fields).filter(|(_, fields)| is_left(fields)).map(|(job, _)| *job));
            cursor = next;
            if cursor == 0 {
                return Ok(left);
            }
        }
    }

    /// Milliseconds since 1970 by the clock of Redis.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn redis_ms(&self) -> Result<i64, StateError> {
        let (seconds, micros): (i64, i64) = self.query(&redis::cmd("TIME")).await?;
        Ok(seconds.saturating_mul(1000).saturating_add(micros / 1000))
    }
}

fn standing(values: &[redis::Value]) -> Standing {
    let score: Option<f64> = values.first().and_then(|value| redis::from_redis_value(value.clone()).ok()).flatten();
    let held: Vec<String> =
        values.get(1).and_then(|value| redis::from_redis_value(value.clone()).ok()).unwrap_or_default();
    let in_hand = held.iter().flat_map(|starts| starts.split(',')).filter_map(|start| start.parse().ok()).collect();
    Standing { is_ready: score.is_some(), in_hand }
}
