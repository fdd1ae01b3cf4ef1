//! One line of progress on a terminal, written at most ten times a second.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::output;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// A line that is written over itself; nothing at all when standard error is not a terminal.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
    last: Option<Instant>,
    width: usize,
}

impl Progress {
    /// Shows progress if standard error is a terminal.
    pub fn new() -> Self {
        Self { is_shown: output::is_watched(), last: None, width: 0 }
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self { is_shown: false, last: None, width: 0 }
    }

    /// Shows what `text` gives, unless the last line is too young.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if !self.is_shown || self.last.is_some_and(|last| last.elapsed() < SHORTEST_PAUSE) {
            return;
        }
        self.last = Some(Instant::now());
        let text = text();
        let width = text.chars().count();
        let blanks = " ".repeat(self.width.saturating_sub(width));
        self.width = width;
        // A terminal that went away is no reason to stop.
        let _ = write!(std::io::stderr(), "\r{text}{blanks}");
    }

    /// Clears the line.
    pub fn clear(&mut self) {
        if self.width > 0 {
            let _ = write!(std::io::stderr(), "\r{}\r", " ".repeat(self.width));
            self.width = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `part` of `whole` in whole percent.
pub fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100)
}
