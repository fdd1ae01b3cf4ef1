//! The names of a job and of the parts of its life: ids, status words and the manifest.
//!
//! Owns the identifiers that travel in records, keys and addresses. They are parsed, never taken as
//! they come, so that no message can name a file or a key of its choosing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

mod kept;
mod manifest;
mod trace;

pub use kept::KeptText;
pub use manifest::{EndMarker, Manifest};
pub use trace::TraceContext;

/// Why a text is not an identifier.
#[derive(Debug, thiserror::Error)]
#[error("reading an id: {0:?} is not one")]
pub struct BadId(String);

/// A job's identifier: 32 lower-case hexadecimal digits (UUID version 7, so ids sort by time).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// Makes a new id from the clock and random bits.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// A number spread evenly over jobs: where the job's tiles begin among the partitions.
    pub fn spread(&self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(out)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for JobId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId(text.chars().take(64).collect());
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(lower_hex) {
            return Err(bad());
        }
        Uuid::try_parse(text).map(Self).map_err(|_| bad())
    }
}

/// A random token: names one start of a process, one claim or one lease.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// Makes a new token of 16 hexadecimal digits.
    pub fn random() -> Self {
        let bits = Uuid::new_v4().as_u64_pair();
        Self(format!("{:016x}", bits.0 ^ bits.1.rotate_left(32)))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for Token {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        if text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId(text.chars().take(64).collect()))
        }
    }
}

/// A worker's name: `WORKER_ID`, or `HOST-N`; letters, digits, `.`, `_` and `-`, at most 64.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(String);

impl WorkerId {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for WorkerId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId(text.chars().take(64).collect()))
        }
    }
}

macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(JobId, Token, WorkerId, TraceContext);

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
    /// Every tile of the last stage is in the spool; the result is being written.
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
        found.ok_or_else(|| BadId(text.chars().take(64).collect()))
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
            other => Err(BadId(other.chars().take(64).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_reads_back_and_refuses_all_else() {
        let id = JobId::random();
        assert_eq!(id.to_string().parse::<JobId>().unwrap(), id);
        let upper = id.to_string().to_uppercase();
        for bad in ["", "../../etc/passwd", &id.to_string()[1..], "0".repeat(33).as_str()] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
        assert!(upper.parse::<JobId>().is_err() || upper == id.to_string());
    }

    #[test]
    fn a_worker_id_has_no_colon() {
        assert!("host-1".parse::<WorkerId>().is_ok());
        for bad in ["", "a:b", "a/b", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<WorkerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_status_reads_back() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse::<JobStatus>().unwrap(), status);
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
