//! Why Redis gave no answer.

use crate::patience::Outage;

/// Why Redis gave no answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateError {
    /// Redis is down, full, read-only, loading or empty: wait and ask again; never an attempt.
    #[error("asking redis: {0}")]
    Unavailable(String),
    /// Redis answered, but not what belongs there: asking again gives the same. A key of a job that is damaged
    /// so fails that job alone.
    #[error("reading the answer of redis: {0}")]
    Data(String),
}

impl StateError {
    /// The reason of a job that fails because of what Redis has of it.
    pub fn as_reason(&self) -> String {
        let text = match self {
            Self::Unavailable(text) | Self::Data(text) => text,
        };
        format!("what redis has of this job is damaged: {text}; retry the job, and look who else writes to its keys")
    }
}

impl Outage for StateError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    fn dependency(&self) -> &'static str {
        "redis"
    }
}
