//! The partitions whose reading is paused.
//!
//! Owns which they are. Must never forget one that was taken away meanwhile: the client keeps a pause beyond the
//! assignment, so that a partition which comes back would stay silent.

use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// The assignment that is paused, as the desk counts its changes.
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
        assert!(pauses.begin(2, &[4]), "paused anew");
    }
}
