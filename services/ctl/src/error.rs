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
    /// A service has no room now and says when to come again.
    #[error("{text}; try again in {seconds} s")]
    Busy {
        /// What it said.
        text: String,
        /// Seconds until it wants to be asked again.
        seconds: u64,
    },
    /// Some of several things went wrong, each of which has been told already.
    #[error("{text}")]
    Several {
        /// How many.
        text: String,
        /// The exit code of the first.
        code: u8,
    },
    /// What went wrong with one of several things.
    #[error("{name}")]
    Of {
        /// Which.
        name: String,
        /// What.
        source: Box<CtlError>,
    },
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

    /// Says which of several things it was.
    pub fn of(self, name: impl Into<String>) -> Self {
        Self::Of { name: name.into(), source: Box::new(self) }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::File { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) | Self::Busy { .. } => 3,
            Self::Several { code, .. } => *code,
            Self::Of { source, .. } => source.exit_code(),
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
        without_numbers(&text)
    }
}

/// A text without the numbers that the system has for its errors, which say nothing more.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// An error with what caused it, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", with_causes(cause))).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_errors_are_told_without_their_numbers() {
        let error = CtlError::file("opening", Path::new("a.png"))(std::io::Error::from_raw_os_error(2));
        assert_eq!(error.full_text(), "opening a.png: No such file or directory");
        assert_eq!(without_numbers("a (os error 5), b (os error 6)"), "a, b");
    }
}
