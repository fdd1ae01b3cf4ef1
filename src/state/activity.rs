//! What happened: a job's state changes for its page, and a log of the system for its own.
//!
//! Streams, capped: for people, never for decisions.

use std::collections::HashMap;

use redis::streams::StreamRangeReply;

use super::client::State;
use super::error::StateError;
use crate::job::{JobId, JobStatus};
use crate::time::now;

/// Lines of the activity log that are kept, about.
const ACTIVITY_LINES: usize = 1000;

/// A state change of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// Its place in the stream: where to resume.
    pub id: String,
    /// When.
    pub at: String,
    /// What the job became.
    pub status: Option<JobStatus>,
    /// Why, or which stage.
    pub text: String,
}

/// A line of the activity log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: String,
    /// What.
    pub text: String,
    /// About which job.
    pub job: Option<JobId>,
}

impl State {
    /// Adds a line to the activity log.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn activity(&self, text: &str, job: Option<JobId>) -> Result<(), StateError> {
        let mut command = redis::cmd("XADD");
        command.arg(self.keys.activity()).arg("MAXLEN").arg("~").arg(ACTIVITY_LINES).arg("*");
        command.arg("at").arg(now()).arg("text").arg(text.chars().take(500).collect::<String>());
        command.arg("job").arg(job.map(|job| job.to_string()).unwrap_or_default());
        self.query::<String>(&command).await.map(|_| ())
    }

    /// The latest lines of the activity log, newest first.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn activities(&self, limit: usize) -> Result<Vec<Activity>, StateError> {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(self.keys.activity()).arg("+").arg("-").arg("COUNT").arg(limit.clamp(1, ACTIVITY_LINES));
        let lines: StreamRangeReply = self.query(&command).await?;
        let line = |fields: &HashMap<String, redis::Value>| Activity {
            at: field(fields, "at"),
            text: field(fields, "text"),
            job: field(fields, "job").parse().ok(),
        };
        Ok(lines.ids.iter().map(|entry| line(&entry.map)).collect())
    }

    /// A job's state changes, oldest first, after the one called `after`.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, [`StateError::Data`] if `after` is no place in a stream.
    pub async fn events(&self, job: JobId, after: Option<&str>) -> Result<Vec<JobEvent>, StateError> {
        let from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut command = redis::cmd("XRANGE");
        command.arg(self.keys.events(job)).arg(from).arg("+").arg("COUNT").arg(1000);
        let entries: StreamRangeReply = self.query(&command).await?;
        Ok(job_events(entries))
    }
}

/// The state changes of a job's stream.
pub(super) fn job_events(entries: StreamRangeReply) -> Vec<JobEvent> {
    let event = |entry: redis::streams::StreamId| JobEvent {
        at: field(&entry.map, "at"),
        status: field(&entry.map, "status").parse().ok(),
        text: field(&entry.map, "text"),
        id: entry.id,
    };
    entries.ids.into_iter().map(event).collect()
}

fn field(fields: &HashMap<String, redis::Value>, name: &str) -> String {
    fields.get(name).and_then(|value| redis::from_redis_value(value.clone()).ok()).unwrap_or_default()
}
