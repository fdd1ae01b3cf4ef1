//! The pure tracker of one partition's offsets.
//!
//! Owns the answer to "up to where may we commit?" and "where must we read again?". Must never
//! step over a record that is not finished, in whatever order records come.

mod unread;

use std::collections::BTreeMap;

use super::runs::Runs;
use unread::Unread;

/// How often a seek to a waiting record may bring a later one first before the record is taken to
/// be gone from the log (deleted by retention or compaction). More than one, because records fetched
/// before the seek may still arrive after it.
const MISSES_UNTIL_GONE: u32 = 3;
/// Unfinished records of a partition that are kept in mind; while there are so many, no new one is handed out.
pub const MAX_UNFINISHED: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Handed out for the `attempt`-th time.
    InHand { attempt: u32 },
    /// Given back; `attempts` were counted so far.
    Waiting { attempts: u32 },
}

/// What to do with a record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handing {
    /// Hand it out; it is the `attempt`-th time, from 1.
    Hand {
        /// Times the record was handed out under this assignment and did not come to be put off, this one included.
        attempt: u32,
    },
    /// It is in hand or finished, or it is read again later: it was only read on the way.
    Skip,
    /// There are too many unfinished records: it is read again when there are fewer.
    Full,
    /// It lies below what was committed and was not expected again (the topic was made again, or a seek came very
    /// late): start over with [`PartitionAcks::beginning_at`] it.
    Rewound,
}

/// Tracks which offsets of one partition are in hand, waiting for a retry, or finished.
///
/// # Invariants
/// [`commit_point`](Self::commit_point) never exceeds the lowest unfinished offset, never goes
/// back, and is one past the last record once all are finished. Its memory is bounded by [`MAX_UNFINISHED`].
#[derive(Debug, Default)]
pub struct PartitionAcks {
    unfinished: BTreeMap<i64, Progress>,
    /// The finished records above the commit point; those below it are forgotten.
    finished: Runs,
    /// One past the highest offset handed out.
    end: Option<i64>,
    /// Nothing from here on counts until the record there was read.
    unread: Option<Unread>,
    /// The lowest offset the broker may hand us next.
    position: i64,
    /// Where the last seek went, and whether a record was read since.
    sought: Option<(i64, bool)>,
    misses: u32,
    /// The lowest record that missed seeks brought first: what was fetched before a seek lies higher.
    next: Option<i64>,
    gone: u32,
}

impl PartitionAcks {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tracker that begins with the record at `offset`, which is in hand. What is read after it does not count
    /// before a seek to the next one: who knows what lies between.
    #[must_use]
    pub fn beginning_at(offset: i64) -> Self {
        let mut acks = Self::new();
        acks.deliver(offset);
        acks.leave_unread(acks.position);
        acks
    }

    /// Takes note of a record that was read, and says whether to hand it out.
    pub fn deliver(&mut self, offset: i64) -> Handing {
        if self.commit_point().is_some_and(|point| offset < point) {
            if offset < self.position {
                return Handing::Rewound;
            }
            self.position = offset.saturating_add(1);
            return Handing::Skip;
        }
        if !self.is_read_up_to(offset) {
            return Handing::Skip;
        }
        self.position = offset.saturating_add(1);
        self.note_seek(offset);
        let attempt = match self.unfinished.get(&offset) {
            Some(Progress::Waiting { attempts }) => attempts.saturating_add(1),
            Some(Progress::InHand { .. }) => return Handing::Skip,
            None if self.finished.contains(offset) => return Handing::Skip,
            None if self.unfinished.len() >= MAX_UNFINISHED => {
                self.leave_unread(offset);
                return Handing::Full;
            }
            None => 1,
        };
        self.unfinished.insert(offset, Progress::InHand { attempt });
        self.end = self.end.max(Some(self.position));
        Handing::Hand { attempt }
    }

    /// Marks a record finished. Answers the next offset to commit if it advanced.
    pub fn finish(&mut self, offset: i64) -> Option<i64> {
        let before = self.commit_point();
        self.unfinished.remove(&offset)?;
        self.finished.insert(offset);
        self.forget_finished();
        self.commit_point().filter(|point| Some(*point) != before)
    }

    /// Marks a record as given back: it must be read again, and the attempt counts.
    pub fn retry(&mut self, offset: i64) {
        if let Some(Progress::InHand { attempt }) = self.unfinished.get(&offset).copied() {
            self.unfinished.insert(offset, Progress::Waiting { attempts: attempt });
        }
    }

    /// Marks a record as given back for no fault of its own: it must be read again, and the attempt does not count.
    pub fn put_off(&mut self, offset: i64) {
        if let Some(Progress::InHand { attempt }) = self.unfinished.get(&offset).copied() {
            self.unfinished.insert(offset, Progress::Waiting { attempts: attempt.saturating_sub(1) });
        }
    }

    /// The offset to commit: the lowest unfinished or unread, or one past the last when all are finished.
    #[must_use]
    pub fn commit_point(&self) -> Option<i64> {
        let point = self.unfinished.first_key_value().map(|(offset, _)| *offset).or(self.end)?;
        Some(self.unread.map_or(point, |unread| point.min(unread.from)))
    }

    /// The lowest offset that must be read again.
    #[must_use]
    pub fn waiting(&self) -> Option<i64> {
        let is_waiting = |progress: &Progress| matches!(progress, Progress::Waiting { .. });
        self.unfinished.iter().find(|(_, progress)| is_waiting(progress)).map(|(offset, _)| *offset)
    }

    /// From where on reading goes on only after a seek to it. `None`: it goes on by itself.
    #[must_use]
    pub fn unread(&self) -> Option<i64> {
        self.unread.filter(|unread| !unread.is_sought).map(|unread| unread.from)
    }

    /// Whether so many records were finished since it was full that reading on is worth a seek.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.unfinished.len() <= MAX_UNFINISHED / 2
    }

    /// Records handed out and not yet decided.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.unfinished.values().filter(|progress| matches!(progress, Progress::InHand { .. })).count()
    }

    /// One past the last record read, or where a seek went.
    #[must_use]
    pub fn position(&self) -> Option<i64> {
        self.end.map(|_| self.position)
    }

    /// Takes note that reading goes on from `offset`: that of [`waiting`](Self::waiting) or
    /// [`unread`](Self::unread), whichever is lower.
    pub fn sought(&mut self, offset: i64) {
        self.position = offset;
        self.sought = Some((offset, false));
        if let Some(unread) = self.unread.as_mut().filter(|unread| offset <= unread.from) {
            unread.is_sought = true;
        }
    }

    /// Whether the last seek brought only later records so far, although the one it was for waits: seek again.
    #[must_use]
    pub fn has_missed(&self) -> bool {
        self.misses > 0 && self.sought.is_some_and(|(_, has_read)| has_read)
    }

    /// Takes the number of records that were given up because the log no longer has them.
    pub fn take_gone(&mut self) -> u32 {
        std::mem::take(&mut self.gone)
    }

    fn leave_unread(&mut self, from: i64) {
        self.unread = Some(Unread::from(from));
    }

    /// Whether no record before that at `offset` is left unread.
    fn is_read_up_to(&mut self, offset: i64) -> bool {
        let Some(unread) = self.unread.filter(|unread| offset >= unread.from) else { return true };
        self.unread = unread.after(offset);
        self.unread.is_none()
    }

    /// A record that waits and is no longer in the log would hold the partition for ever.
    fn note_seek(&mut self, offset: i64) {
        let Some((target, has_read)) = self.sought else { return };
        let is_waiting = matches!(self.unfinished.get(&target), Some(Progress::Waiting { .. }));
        if offset <= target || !is_waiting {
            (self.misses, self.next, self.sought) = (0, None, None);
            return;
        }
        if has_read {
            return;
        }
        self.sought = Some((target, true));
        self.misses += 1;
        let next = self.next.map_or(offset, |next| next.min(offset));
        self.next = Some(next);
        if self.misses >= MISSES_UNTIL_GONE {
            (self.misses, self.next, self.sought) = (0, None, None);
            self.give_up_below(next);
        }
    }

    fn give_up_below(&mut self, offset: i64) {
        let waiting = |(_, progress): &(&i64, &Progress)| matches!(progress, Progress::Waiting { .. });
        let lost: Vec<i64> = self.unfinished.range(..offset).filter(waiting).map(|(lost, _)| *lost).collect();
        for lost in lost {
            self.unfinished.remove(&lost);
            self.finished.insert(lost);
            self.gone += 1;
        }
        self.forget_finished();
    }

    fn forget_finished(&mut self) {
        if let Some(point) = self.commit_point() {
            self.finished.forget_below(point);
        }
    }
}

#[cfg(test)]
mod tests;
