//! Why a step cannot be run.

/// Why a step cannot be run; its text is what the sender is told.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StepError {
    /// The text is no step, whatever the picture (HTTP 400, exit code 2).
    #[error("{0}")]
    Grammar(String),
    /// The step does not fit the picture's depth (HTTP 422, exit code 2).
    #[error("{0}")]
    Picture(String),
    /// The pixels are not those of the tile they are said to be.
    #[error("{0}")]
    Tile(String),
}

impl StepError {
    /// What a kernel with a statistic answers when it is run before that was measured.
    pub fn unmeasured(name: &str) -> Self {
        Self::Tile(format!("{name}: the whole picture has to be measured first"))
    }
}
