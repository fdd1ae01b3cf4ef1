//! Commands about jobs, on `jobs`, and the check of a spool, on `results`.

use serde::{Deserialize, Serialize};

use super::checks::{RecordError, check_schema, read_json, read_json_header, write_json};
use crate::bus::Headers;
use crate::job::JobId;

/// A record on `jobs`, keyed by job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum JobCommand {
    /// The job's picture and manifest are in the store: queue it.
    Accepted {
        /// The job.
        job: JobId,
    },
    /// Tiles of a stage are missing: send those whose bit is unset.
    Resend {
        /// The job.
        job: JobId,
        /// The stage.
        stage: u32,
        /// Why, for the log.
        reason: String,
        /// Tiles that could not be read from their slots: their pixels are to be sent in records.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inline: Vec<u32>,
    },
    /// A stage has ended and another waits. Only a doorbell: Redis says which.
    NextStage {
        /// The job.
        job: JobId,
    },
    /// The job has ended: stop sending its tiles.
    Ended {
        /// The job.
        job: JobId,
    },
}

impl JobCommand {
    /// What its records say they are.
    pub const SCHEMA: &'static str = "job-command/1.1";

    /// Tiles that are asked for inline at once, at most; of more the rest is ignored.
    pub const MAX_INLINE: usize = 1024;

    /// The job it is about.
    pub fn job(&self) -> JobId {
        match self {
            Self::Accepted { job } | Self::Resend { job, .. } | Self::NextStage { job } | Self::Ended { job } => *job,
        }
    }

    /// The record's headers and value.
    pub fn encode(&self) -> (Vec<(&'static str, String)>, Vec<u8>) {
        (vec![("schema", Self::SCHEMA.to_owned())], write_json(self).into_bytes())
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If it is no command.
    pub fn decode(headers: &Headers, payload: &[u8]) -> Result<Self, RecordError> {
        check_schema(headers, Self::SCHEMA)?;
        read_json(payload)
    }
}

/// A request to look at a job's spool: a record on `results`, keyed by job, with an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: u32,
}

impl Check {
    /// What its records say they are.
    pub const SCHEMA: &'static str = "check/1.0";

    /// The record's headers.
    pub fn encode(&self) -> Vec<(&'static str, String)> {
        vec![("schema", Self::SCHEMA.to_owned()), ("check", write_json(self))]
    }

    /// Whether a record on `results` says that it is a check.
    pub fn is_check(headers: &Headers) -> bool {
        headers.get("check").is_some()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If it is no check.
    pub fn decode(headers: &Headers) -> Result<Self, RecordError> {
        check_schema(headers, Self::SCHEMA)?;
        read_json_header(headers, "check")
    }
}
