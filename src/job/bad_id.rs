//! The error of a text that is not what it should name.

/// Why a text is not an identifier.
#[derive(Debug, thiserror::Error)]
#[error("reading an id: {0:?} is not one")]
pub struct BadId(String);

impl BadId {
    /// What was read, shortened.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}
