//! The grid of a stage as its result lies: the same tiles, in the places that they are turned to.
//!
//! Owns which tiles make up a strip of the result. Tiles keep the numbers of the grid they were cut by.

use super::Grid;
use crate::picture::{Rect, Size, Turn};

/// A grid whose tiles are turned in place. Its strips are the rows of tiles of the turned picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnedGrid {
    grid: Grid,
    turn: Turn,
}

impl TurnedGrid {
    /// Turns `grid`.
    pub fn new(grid: Grid, turn: Turn) -> Self {
        Self { grid, turn }
    }

    /// The grid that the tiles were cut by.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// All tiles.
    pub fn tiles(&self) -> u32 {
        self.grid.tiles()
    }

    /// Columns and rows of tiles of the turned picture.
    fn sides(&self) -> Size {
        self.turn.size(self.cells())
    }

    /// Columns and rows of tiles as they were cut.
    fn cells(&self) -> Size {
        Size { width: self.grid.columns(), height: self.grid.rows() }
    }

    /// Tiles of a strip.
    pub fn columns(&self) -> u32 {
        self.sides().width
    }

    /// Strips of the turned picture.
    pub fn rows(&self) -> u32 {
        self.sides().height
    }

    /// Where tile `index` lands; `None` if there is no such tile.
    pub fn rect(&self, index: u32) -> Option<Rect> {
        self.grid.rect(index).map(|rect| self.turn.rect(rect, self.grid.picture()))
    }

    /// The strip that tile `index` lands in.
    pub fn strip_of(&self, index: u32) -> u32 {
        let (x, y) = (index % self.grid.columns(), index / self.grid.columns());
        self.turn.rect(Rect { x, y, width: 1, height: 1 }, self.cells()).y
    }

    /// The tiles of strip `row`, left to right.
    pub fn strip(&self, row: u32) -> impl Iterator<Item = u32> + use<> {
        let (cells, sides, turn) = (self.cells(), self.sides(), self.turn);
        let back = turn.inverse();
        let columns = if row < sides.height { 0..sides.width } else { 0..0 };
        columns.map(move |x| {
            let cell = back.rect(Rect { x, y: row, width: 1, height: 1 }, sides);
            cell.y * cells.width + cell.x
        })
    }

    /// Rows of the tallest strip.
    pub fn strip_height(&self) -> u32 {
        self.turn.size(self.grid.tile()).height
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strips_lie_below_each_other_and_have_each_tile_once(
            (width, height) in (1u32..200, 1u32..200), (across, down) in (1u32..70, 1u32..70), turn in 0usize..8,
        ) {
            let (picture, turn) = (Size { width, height }, Turn::ALL[turn]);
            let turned = TurnedGrid::new(Grid::new(picture, Size { width: across, height: down }), turn);
            let size = turn.size(picture);
            let (mut top, mut seen) = (0, 0);
            for strip in 0..turned.rows() {
                let (mut left, mut bottom) = (0, 0);
                for index in turned.strip(strip) {
                    let rect = turned.rect(index).unwrap();
                    prop_assert_eq!((rect.x, rect.y, turned.strip_of(index)), (left, top, strip));
                    prop_assert!(rect.height <= turned.strip_height());
                    (left, bottom, seen) = (rect.right(), rect.bottom(), seen + 1);
                }
                prop_assert_eq!(left, size.width);
                top = bottom;
            }
            prop_assert_eq!((top, seen), (size.height, turned.tiles()));
            prop_assert_eq!(turned.strip(turned.rows()).count(), 0);
        }
    }
}
