//! The partitions whose reading is paused: all, or one by one.
//!
//! Owns which they are. Must never forget one that was taken away meanwhile: the client keeps a pause beyond the
//! assignment, so that a partition which comes back would stay silent.

use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// The assignment that is paused, as the ledger counts its changes.
    seen: Option<u64>,
    partitions: BTreeSet<i32>,
}

impl Pauses {
    /// Whether the assignment as it is after `changes` has yet to be paused; from now on it counts as paused.
    pub(super) fn begin(&mut self, changes: u64, assignment: &[i32]) -> bool {
        let is_new = self.seen != Some(changes);
        if is_new {
            self.seen = Some(changes);
            self.partitions.extend(assignment);
        }
        is_new
    }

    /// All that were paused since the last time: none is from now on.
    pub(super) fn end(&mut self) -> Vec<i32> {
        self.seen = None;
        std::mem::take(&mut self.partitions).into_iter().collect()
    }
}

/// The partitions that are paused one by one, because too many of their records are unfinished.
#[derive(Debug, Default)]
pub(super) struct Closed(BTreeSet<i32>);

impl Closed {
    /// Whether a partition is closed.
    pub(super) fn has(&self, partition: i32) -> bool {
        self.0.contains(&partition)
    }

    /// Takes note of those that are to be closed now; gives those to pause and those to resume.
    pub(super) fn change(&mut self, now: Vec<i32>) -> (Vec<i32>, Vec<i32>) {
        let now: BTreeSet<i32> = now.into_iter().collect();
        let before = std::mem::replace(&mut self.0, now);
        (self.0.difference(&before).copied().collect(), before.difference(&self.0).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_that_left_while_they_were_paused_are_resumed_too() {
        let mut pauses = Pauses::default();
        assert!(pauses.begin(1, &[3, 4]));
        assert!(!pauses.begin(1, &[3, 4]));
        assert!(pauses.begin(2, &[4, 5]));
        assert_eq!(pauses.end(), [3, 4, 5]);
        assert_eq!(pauses.end(), [0; 0]);
        assert!(pauses.begin(2, &[4]), "paused again");
    }

    #[test]
    fn a_partition_is_closed_once_and_opened_once_also_when_it_has_left() {
        let mut closed = Closed::default();
        assert_eq!(closed.change(vec![1, 2]), (vec![1, 2], vec![]));
        assert_eq!(closed.change(vec![1, 2]), (vec![], vec![]));
        assert_eq!(closed.change(vec![2, 3]), (vec![3], vec![1]));
        assert_eq!(closed.change(vec![]), (vec![], vec![2, 3]));
    }
}
