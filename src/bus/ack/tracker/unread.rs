//! From where on a partition is still to be read.
//!
//! Owns how many seeks may miss a record before it is gone. Knows no other record.

use super::MISSES_UNTIL_GONE;

/// From where on all is still to be read, whatever was read meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) from: i64,
    /// Whether a seek was made to it, or to one before it, and nothing beyond it came since.
    pub(super) is_sought: bool,
    misses: u32,
    /// The lowest beyond it that was read since.
    next: i64,
}

impl Unread {
    /// Nothing from `from` on was read, and no seek was made to it yet.
    pub(super) fn from(from: i64) -> Self {
        Self { from, is_sought: false, misses: 0, next: i64::MAX }
    }

    /// What is left unread once the record at `offset`, not below it, came; `None` if nothing is. A record that several
    /// seeks do not find is gone.
    pub(super) fn after(mut self, offset: i64) -> Option<Self> {
        if offset > self.from {
            self.next = self.next.min(offset);
        }
        if !self.is_sought {
            return Some(self);
        }
        if offset > self.from {
            (self.is_sought, self.misses) = (false, self.misses + 1);
            if self.misses >= MISSES_UNTIL_GONE {
                self = Self { from: self.next, misses: 0, next: i64::MAX, ..self };
            }
        }
        (offset != self.from).then_some(self)
    }
}
