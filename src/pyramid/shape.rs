//! The levels of a pyramid: how large they are, how many tiles they have, which of them are made.
//!
//! Plain arithmetic on sizes. A level's size is that of the next finer one halved, rounded up.

use crate::picture::{PictureInfo, Size, Turn};

/// The side of a tile in pixels.
pub const TILE: u32 = 256;
/// Pictures of at most so many pixels are kept at their full size, too; larger ones from half their size on.
const FULL_PIXELS: u64 = 4 << 20;
/// What the strips of all levels may hold unless the caller has less, in bytes: half the size of a picture that is 40,000
/// pixels wide. Wider ones begin at a smaller level.
pub const MOST_BYTES: u64 = 32 << 20;

/// Which levels a pyramid has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The picture, upright.
    size: Size,
    /// The finest level that is made.
    top: u8,
}

impl Shape {
    /// The pyramid of a picture that is `info` as its rows come and is to be turned, whose maker holds at most `most_bytes`
    /// where that is possible at all.
    pub fn of(info: PictureInfo, turn: Turn, most_bytes: u64) -> Self {
        let size = turn.size(info.size);
        let full = full_level(size);
        let begins = if size.pixels() <= FULL_PIXELS { full } else { full.saturating_sub(1) };
        let fits = |top: &u8| Self { size, top: *top }.held_bytes(info, turn) <= most_bytes;
        let top = (0..=begins).rev().find(fits).unwrap_or(0);
        Self { size, top }
    }

    /// One with its parts given; `None` if there is no such level.
    pub(super) fn with_top(size: Size, top: u8) -> Option<Self> {
        (size.pixels() > 0 && top <= full_level(size)).then_some(Self { size, top })
    }

    /// The picture, upright.
    pub fn size(self) -> Size {
        self.size
    }

    /// The level that has the picture's own size, whether it is made or not.
    pub fn full_level(self) -> u8 {
        full_level(self.size)
    }

    /// The finest level that is made.
    pub fn top(self) -> u8 {
        self.top
    }

    /// The size of a level; `None` if there is none.
    pub fn level(self, level: u8) -> Option<Size> {
        let finer = self.full_level().checked_sub(level)?;
        let side = |side: u32| u32::try_from(u64::from(side).div_ceil(1 << finer)).unwrap_or(u32::MAX);
        Some(Size { width: side(self.size.width), height: side(self.size.height) })
    }

    /// Columns and rows of tiles of a level.
    pub fn grid(self, level: u8) -> Option<Size> {
        let Size { width, height } = self.level(level)?;
        Some(Size { width: width.div_ceil(TILE), height: height.div_ceil(TILE) })
    }

    /// The tiles of all levels that are made.
    pub fn tiles(self) -> u64 {
        (0..=self.top).filter_map(|level| self.grid(level)).map(Size::pixels).sum()
    }

    /// Which entry of the index a tile has: finest level first, row by row; `None` if it is not made.
    pub(super) fn entry(self, level: u8, column: u32, row: u32) -> Option<u64> {
        let grid = self.grid(level).filter(|grid| column < grid.width && row < grid.height)?;
        let before: u64 = (level + 1..=self.top).filter_map(|level| self.grid(level)).map(Size::pixels).sum();
        (level <= self.top).then(|| before + u64::from(row) * u64::from(grid.width) + u64::from(column))
    }

    /// The finest level whose sides are at most `side` pixels, of those that are made.
    pub fn within(self, side: u32) -> u8 {
        let fits = |level: &u8| self.level(*level).is_some_and(|size| size.width.max(size.height) <= side);
        (0..=self.top).rev().find(fits).unwrap_or(0)
    }

    /// What making it holds in memory, for a picture that is `info` as its rows come.
    pub fn held_bytes(self, info: PictureInfo, turn: Turn) -> u64 {
        let channels = info.format.layout.channels() as u64;
        let strip = |size: Size| {
            let upright = turn.inverse().size(size);
            u64::from(upright.width) * u64::from(upright.height.min(TILE)) * channels
        };
        let strips: u64 = (0..=self.top).filter_map(|level| self.level(level)).map(strip).sum();
        // A row that waits for its neighbour, and its half, of each level; an entry of the index for each tile.
        strips + u64::from(info.size.width) * channels * 4 + self.tiles() * 16
    }
}

fn full_level(size: Size) -> u8 {
    let longest = size.width.max(size.height).max(1);
    // At most 32.
    (32 - (longest - 1).leading_zeros()) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;
    use crate::picture::testing::info;

    #[test]
    fn levels_are_those_of_deep_zoom() {
        let shape = Shape::of(info(4097, 3000, Layout::Rgb), Turn::None, u64::MAX);
        assert_eq!((shape.full_level(), shape.top()), (13, 12));
        assert_eq!(shape.level(13), Some(Size { width: 4097, height: 3000 }));
        assert_eq!(shape.level(12), Some(Size { width: 2049, height: 1500 }));
        assert_eq!(shape.grid(12), Some(Size { width: 9, height: 6 }));
        assert_eq!(shape.level(0), Some(Size { width: 1, height: 1 }));
        assert_eq!(shape.level(14), None);
        assert_eq!((shape.within(512), shape.within(513), shape.within(0)), (9, 10, 0));
        for (side, full) in [(1, 0), (2, 1), (256, 8), (257, 9)] {
            let shape = Shape::of(info(side, 1, Layout::Gray), Turn::None, u64::MAX);
            assert_eq!((shape.full_level(), shape.top()), (full, full), "{side}");
        }
    }

    #[test]
    fn each_tile_has_one_entry() {
        let shape = Shape::of(info(3000, 5000, Layout::Rgb), Turn::None, u64::MAX);
        let mut next = 0;
        for level in (0..=shape.top()).rev() {
            let grid = shape.grid(level).unwrap();
            for (row, column) in (0..grid.height).flat_map(|row| (0..grid.width).map(move |column| (row, column))) {
                assert_eq!(shape.entry(level, column, row), Some(next));
                next += 1;
            }
            assert_eq!((shape.entry(level, grid.width, 0), shape.entry(level, 0, grid.height)), (None, None));
        }
        assert_eq!((next, shape.entry(shape.top() + 1, 0, 0)), (shape.tiles(), None));
    }

    #[test]
    fn a_picture_too_wide_for_the_memory_begins_at_a_smaller_level() {
        let gigapixel = info(40_000, 25_000, Layout::Rgb);
        let shape = Shape::of(gigapixel, Turn::None, MOST_BYTES);
        assert_eq!((shape.full_level(), shape.top()), (16, 15));
        let widest = info(100_000, 100_000, Layout::Rgba);
        let shape = Shape::of(widest, Turn::Rotate90, MOST_BYTES);
        assert_eq!((shape.full_level(), shape.top()), (17, 14));
        assert!(shape.held_bytes(widest, Turn::Rotate90) <= MOST_BYTES);
        assert_eq!(Shape::of(widest, Turn::None, 0).top(), 0);
    }
}
