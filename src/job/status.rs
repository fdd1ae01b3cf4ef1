//! Where a job is in its life, and before which others it is taken.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::BadId;

/// Where a job is in its life (design: *A job's life*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// The upload is stored, its announcement is not yet acknowledged; unlisted, short-lived.
    Accepting,
    /// Accepted (202 was or will be answered), waiting for a splitter.
    Queued,
    /// Tiles are out.
    Processing,
    /// Every tile of the last stage is in its slot; the result is being written.
    Finishing,
    /// The result is in the store.
    Done,
    /// Ended without a result; `reason` says why.
    Failed,
    /// Ended by its owner.
    Cancelled,
    /// Ended, and its files are gone.
    Expired,
}

impl JobStatus {
    /// All words, in the order of a job's life.
    pub const ALL: [Self; 8] = [
        Self::Accepting,
        Self::Queued,
        Self::Processing,
        Self::Finishing,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The word in Redis, in the API and on the pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepting => "accepting",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Finishing => "finishing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether the job has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled | Self::Expired)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for JobStatus {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| BadId::new(text))
    }
}

/// The order of the queue that a sender asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After all others.
    Low,
    /// The usual order: first come, first served.
    #[default]
    Normal,
    /// Before all others.
    High,
}

impl Priority {
    /// The word in Redis and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl FromStr for Priority {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match text {
            "low" => Ok(Self::Low),
            "normal" => Ok(Self::Normal),
            "high" => Ok(Self::High),
            other => Err(BadId::new(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse::<JobStatus>().unwrap(), status);
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
