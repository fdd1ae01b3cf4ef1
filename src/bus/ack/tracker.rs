//! The pure tracker of one partition's offsets.
//!
//! Owns the answer to "up to where may we commit?" and "where must we read again?". Must never
//! step over a record that is not finished.

use std::collections::BTreeMap;

/// How often a seek to a waiting record may bring a later one first before the record is taken to
/// be gone from the log (deleted by retention or compaction). More than one, because records fetched
/// before the seek may still arrive after it.
const MISSES_UNTIL_GONE: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    InHand { attempt: u32 },
    Waiting { attempt: u32 },
    Done,
}

/// What to do with a record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handing {
    /// Hand it out; it is the `attempt`-th time, from 1.
    Hand {
        /// Times the record was handed out under this assignment, this one included.
        attempt: u32,
    },
    /// It is in hand or finished: it was only read again on the way to a record that waits.
    Skip,
    /// The log begins anew below what was read before (the topic was made again): start over with
    /// a fresh tracker.
    Rewound,
}

/// Tracks which offsets of one partition are in hand, waiting for a retry, or finished.
///
/// # Invariants
/// [`commit_point`](Self::commit_point) never exceeds the lowest unfinished offset, never goes
/// back, and is one past the last record once all are finished.
#[derive(Debug, Default)]
pub struct PartitionAcks {
    /// Records at or above the commit point; those below are finished and forgotten.
    records: BTreeMap<i64, Progress>,
    /// One past the highest offset handed out.
    end: Option<i64>,
    /// The lowest offset the broker may hand us next.
    position: i64,
    /// Set by a seek until the next record is read.
    sought: Option<i64>,
    misses: u32,
    gone: u32,
}

impl PartitionAcks {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a record that was read, and says whether to hand it out.
    pub fn deliver(&mut self, offset: i64) -> Handing {
        if self.end.is_some() && offset < self.position {
            return Handing::Rewound;
        }
        self.position = offset.saturating_add(1);
        self.note_seek(offset);
        let attempt = match self.records.get(&offset) {
            Some(Progress::Waiting { attempt }) => attempt.saturating_add(1),
            Some(Progress::InHand { .. } | Progress::Done) => return Handing::Skip,
            None if self.end.is_some_and(|end| offset < end) => return Handing::Skip,
            None => 1,
        };
        self.records.insert(offset, Progress::InHand { attempt });
        self.end = self.end.max(Some(self.position));
        Handing::Hand { attempt }
    }

    /// Marks a record finished. Answers the next offset to commit if it advanced.
    pub fn finish(&mut self, offset: i64) -> Option<i64> {
        let before = self.commit_point();
        let record = self.records.get_mut(&offset)?;
        *record = Progress::Done;
        self.forget_finished();
        self.commit_point().filter(|point| Some(*point) != before)
    }

    /// Marks a record as given back: it must be read again.
    pub fn retry(&mut self, offset: i64) {
        if let Some(record) = self.records.get_mut(&offset)
            && let Progress::InHand { attempt } = *record
        {
            *record = Progress::Waiting { attempt };
        }
    }

    /// The offset to commit: the lowest unfinished, or one past the last when all are finished.
    #[must_use]
    pub fn commit_point(&self) -> Option<i64> {
        self.records.first_key_value().map(|(offset, _)| *offset).or(self.end)
    }

    /// The lowest offset that must be read again.
    #[must_use]
    pub fn waiting(&self) -> Option<i64> {
        self.records
            .iter()
            .find(|(_, progress)| matches!(progress, Progress::Waiting { .. }))
            .map(|(offset, _)| *offset)
    }

    /// Records handed out and not yet decided.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.records.values().filter(|progress| matches!(progress, Progress::InHand { .. })).count()
    }

    /// One past the last record read, or where a seek went.
    #[must_use]
    pub fn position(&self) -> Option<i64> {
        self.end.map(|_| self.position)
    }

    /// Takes note that reading goes on from `offset`, which must be [`waiting`](Self::waiting).
    pub fn sought(&mut self, offset: i64) {
        self.position = offset;
        self.sought = Some(offset);
    }

    /// Takes the number of records that were given up because the log no longer has them.
    pub fn take_gone(&mut self) -> u32 {
        std::mem::take(&mut self.gone)
    }

    /// A record that waits and is no longer in the log would hold the partition for ever.
    fn note_seek(&mut self, offset: i64) {
        let Some(target) = self.sought.take() else { return };
        if offset <= target {
            self.misses = 0;
            return;
        }
        self.misses += 1;
        if self.misses < MISSES_UNTIL_GONE {
            return;
        }
        self.misses = 0;
        let lost: Vec<i64> = self
            .records
            .range(..offset)
            .filter(|(_, progress)| matches!(progress, Progress::Waiting { .. }))
            .map(|(lost, _)| *lost)
            .collect();
        for lost in lost {
            self.records.insert(lost, Progress::Done);
            self.gone += 1;
        }
        self.forget_finished();
    }

    fn forget_finished(&mut self) {
        while let Some(first) = self.records.first_entry()
            && *first.get() == Progress::Done
        {
            first.remove();
        }
    }
}

#[cfg(test)]
mod tests;
