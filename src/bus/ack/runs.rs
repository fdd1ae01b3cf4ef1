//! A set of offsets, kept as runs of neighbours.
//!
//! Owns that a million finished records behind one that is not take the memory of one run.

use std::collections::BTreeMap;

/// Offsets, as runs: the first of each, and one past its last.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<i64, i64>);

impl Runs {
    pub(super) fn contains(&self, offset: i64) -> bool {
        self.0.range(..=offset).next_back().is_some_and(|(_, end)| offset < *end)
    }

    pub(super) fn insert(&mut self, offset: i64) {
        if self.contains(offset) {
            return;
        }
        let end = self.0.remove(&offset.saturating_add(1)).unwrap_or(offset.saturating_add(1));
        match self.0.range_mut(..offset).next_back() {
            Some((_, before)) if *before == offset => *before = end,
            _ => drop(self.0.insert(offset, end)),
        }
    }

    /// Forgets the runs that end at or below `point`.
    pub(super) fn forget_below(&mut self, point: i64) {
        while let Some(first) = self.0.first_entry()
            && *first.get() <= point
        {
            first.remove();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_run() {
        let mut runs = Runs::default();
        for offset in [3, 5, 4, 9, 4] {
            runs.insert(offset);
        }
        assert_eq!(runs.len(), 2);
        let held: Vec<i64> = (0..12).filter(|offset| runs.contains(*offset)).collect();
        assert_eq!(held, [3, 4, 5, 9]);
        runs.forget_below(6);
        assert_eq!((runs.len(), runs.contains(5), runs.contains(9)), (1, false, true));
    }
}
