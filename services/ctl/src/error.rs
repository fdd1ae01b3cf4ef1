//! Why a subcommand ended without success, and the exit code that says so.

use std::error::Error;
use std::path::{Path, PathBuf};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// It was asked for wrongly; the text is the grammar's.
    #[error("{0}")]
    Usage(String),
    /// The picture, the job or a check failed.
    #[error("{0}")]
    Failed(String),
    /// A service does not answer, or says that it cannot work now.
    #[error("{0}")]
    Unreachable(String),
    /// A file cannot be read or written.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it could not be.
        source: std::io::Error,
    },
}

impl CtlError {
    /// Names the file in an input or output error.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::File { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }

    /// The text with its causes.
    pub fn full_text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
