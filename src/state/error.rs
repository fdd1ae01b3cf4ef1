//! Why Redis gave no answer.

/// Why Redis gave no answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateError {
    /// Redis is down, full, read-only, loading or empty: wait and ask again; never an attempt.
    #[error("asking redis: {0}")]
    Unavailable(String),
    /// Redis answered, but not what belongs there.
    #[error("reading the answer of redis: {0}")]
    Data(String),
}
