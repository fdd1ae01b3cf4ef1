//! Why Redis gave no answer.

use redis::{ErrorKind, RedisError, ServerErrorKind};

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
    /// Redis answers and has lost its data.
    pub(super) fn lost() -> Self {
        Self::Unavailable("its data is lost: waiting until the monitor has rebuilt it from the store".to_owned())
    }

    /// The reason of a job that fails because of what Redis has of it.
    pub fn as_reason(&self) -> String {
        let text = match self {
            Self::Unavailable(text) | Self::Data(text) => text,
        };
        format!("what redis has of this job is damaged: {text}; retry the job, and look who else writes to its keys")
    }
}

impl From<RedisError> for StateError {
    /// Tells what Redis cannot do now from what it will never do.
    fn from(error: RedisError) -> Self {
        // Of a pipeline that failed only the text has the codes.
        if error.code() == Some("WRONGTYPE") || error.to_string().contains("WRONGTYPE") {
            return Self::Data("a key holds another kind of value than belongs there (WRONGTYPE)".to_owned());
        }
        let text = error.to_string();
        let never = match error.kind() {
            ErrorKind::UnexpectedReturnType => true,
            ErrorKind::Server(ServerErrorKind::ResponseError) => !text.contains("max number of clients"),
            _ => false,
        };
        if never { Self::Data(text) } else { Self::Unavailable(text) }
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
