//! Which tiles of a stage are in the spool, and which strips of them are complete.
//!
//! Owns the set of tiles and the count per strip. It only ever says what can be encoded; that a stage
//! is complete is Redis's verdict.

use std::ops::Range;

use tessera::tiling::TurnedGrid;

/// The tiles of a stage that are in the spool.
#[derive(Clone, Debug)]
pub struct Strips {
    grid: TurnedGrid,
    present: Vec<u64>,
    missing: Vec<u32>,
    count: u32,
}

impl Strips {
    /// No tile of `grid` yet.
    pub fn new(grid: TurnedGrid) -> Self {
        let missing = vec![grid.columns(); grid.rows() as usize];
        Self { grid, present: vec![0; grid.tiles().div_ceil(64) as usize], missing, count: 0 }
    }

    /// The tiles that `is_in` says are in.
    pub fn of(grid: TurnedGrid, is_in: impl Fn(u32) -> bool) -> Self {
        let mut strips = Self::new(grid);
        (0..grid.tiles()).filter(|index| is_in(*index)).for_each(|index| {
            strips.insert(index);
        });
        strips
    }

    /// The grid, as the result lies.
    pub fn grid(&self) -> TurnedGrid {
        self.grid
    }

    /// Whether tile `index` is in.
    pub fn contains(&self, index: u32) -> bool {
        self.present.get(index as usize / 64).is_some_and(|word| word & bit(index) != 0)
    }

    /// Adds a tile; says whether it is new. Tiles outside the grid are not added.
    pub fn insert(&mut self, index: u32) -> bool {
        if index >= self.grid.tiles() || self.contains(index) {
            return false;
        }
        self.present[index as usize / 64] |= bit(index);
        self.missing[self.grid.strip_of(index) as usize] -= 1;
        self.count += 1;
        true
    }

    /// Takes a tile out; says whether it was in.
    pub fn remove(&mut self, index: u32) -> bool {
        if !self.contains(index) {
            return false;
        }
        self.present[index as usize / 64] &= !bit(index);
        self.missing[self.grid.strip_of(index) as usize] += 1;
        self.count -= 1;
        true
    }

    /// Adds all tiles.
    pub fn fill(&mut self) {
        (0..self.grid.tiles()).for_each(|index| {
            self.insert(index);
        });
    }

    /// Tiles that are in.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether all are in.
    pub fn is_full(&self) -> bool {
        self.count == self.grid.tiles()
    }

    /// The complete strips from strip `next` on, up to the first that is not.
    pub fn ready_from(&self, next: u32) -> Range<u32> {
        let rows = self.missing.len() as u32;
        let end = (next..rows).find(|row| self.missing[*row as usize] > 0).unwrap_or(rows);
        next..end.max(next)
    }
}

fn bit(index: u32) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tessera::picture::{Size, Turn};
    use tessera::tiling::Grid;

    use super::*;

    fn grid(columns: u32, rows: u32) -> TurnedGrid {
        turned(columns, rows, Turn::None)
    }

    fn turned(columns: u32, rows: u32, turn: Turn) -> TurnedGrid {
        let size = Size { width: columns * 16, height: rows * 16 };
        TurnedGrid::new(Grid::new(size, Size { width: 16, height: 16 }), turn)
    }

    proptest! {
        #[test]
        fn strips_are_complete_when_all_their_tiles_are(
            columns in 1u32..20,
            rows in 1u32..20,
            changes in prop::collection::vec((any::<bool>(), 0u32..450), 0..300),
        ) {
            let mut strips = Strips::new(grid(columns, rows));
            let mut model = std::collections::BTreeSet::new();
            for (add, index) in changes {
                if add {
                    prop_assert_eq!(strips.insert(index), index < columns * rows && model.insert(index));
                } else {
                    prop_assert_eq!(strips.remove(index), model.remove(&index));
                }
            }
            model.retain(|index| *index < columns * rows);
            prop_assert_eq!(strips.count() as usize, model.len());
            prop_assert_eq!(strips.is_full(), model.len() as u32 == columns * rows);
            for next in 0..=rows {
                let complete = |row: u32| (row * columns..(row + 1) * columns).all(|index| model.contains(&index));
                let end = (next..rows).find(|row| !complete(*row)).unwrap_or(rows);
                prop_assert_eq!(strips.ready_from(next), next..end);
            }
        }

        #[test]
        fn strips_of_a_set_are_that_set(present in prop::collection::btree_set(0u32..60, 0..60)) {
            let strips = Strips::of(grid(10, 5), |index| present.contains(&index));
            for index in 0..70 {
                prop_assert_eq!(strips.contains(index), index < 50 && present.contains(&index));
            }
        }
    }

    #[test]
    fn strips_of_a_turned_picture_are_columns_of_the_picture() {
        let mut strips = Strips::new(turned(3, 2, Turn::Rotate270));
        strips.insert(2);
        assert_eq!(strips.ready_from(0), 0..0);
        strips.insert(5);
        assert_eq!(strips.ready_from(0), 0..1, "the last column is on top");
    }

    #[test]
    fn filled_strips_are_full() {
        let mut strips = Strips::new(grid(7, 3));
        strips.fill();
        assert!(strips.is_full());
        assert_eq!(strips.ready_from(1), 1..3);
        assert_eq!(strips.ready_from(3), 3..3);
    }
}
