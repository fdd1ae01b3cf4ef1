//! The grid of a stage: tile indices, their rectangles and their clipped halos.

use crate::operation::Margins;
use crate::picture::{Rect, Size};

/// Tiles of one size over a picture, numbered row by row; those at the right and bottom edge are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    picture: Size,
    tile: Size,
}

impl Grid {
    /// Lays tiles of `tile` over `picture`. Sides of 0 count as 1, so that a grid is never empty.
    pub fn new(picture: Size, tile: Size) -> Self {
        let at_least_one = |size: Size| Size { width: size.width.max(1), height: size.height.max(1) };
        Self { picture: at_least_one(picture), tile: at_least_one(tile) }
    }

    /// Tiles in a row.
    pub fn columns(&self) -> u32 {
        self.picture.width.div_ceil(self.tile.width)
    }

    /// Rows of tiles: strips.
    pub fn rows(&self) -> u32 {
        self.picture.height.div_ceil(self.tile.height)
    }

    /// All tiles.
    pub fn tiles(&self) -> u32 {
        u32::try_from(u64::from(self.columns()) * u64::from(self.rows())).unwrap_or(u32::MAX)
    }

    /// The picture's size.
    pub fn picture(&self) -> Size {
        self.picture
    }

    /// The size of a tile that no edge cuts off.
    pub fn tile(&self) -> Size {
        self.tile
    }

    /// Where tile `index` lies; `None` if there is no such tile.
    pub fn rect(&self, index: u32) -> Option<Rect> {
        if index >= self.tiles() {
            return None;
        }
        let x = index % self.columns() * self.tile.width;
        let y = index / self.columns() * self.tile.height;
        let width = self.tile.width.min(self.picture.width - x);
        let height = self.tile.height.min(self.picture.height - y);
        Some(Rect { x, y, width, height })
    }

    /// A halo of `halo` pixels around `rect`, clipped at the picture's edges.
    pub fn margins(&self, rect: Rect, halo: u32) -> Margins {
        Margins {
            left: halo.min(rect.x),
            top: halo.min(rect.y),
            right: halo.min(self.picture.width.saturating_sub(rect.right())),
            bottom: halo.min(self.picture.height.saturating_sub(rect.bottom())),
        }
    }

    /// `rect` with its `margins`: what a tile's input covers.
    pub fn with_margins(rect: Rect, margins: Margins) -> Rect {
        Rect {
            x: rect.x - margins.left,
            y: rect.y - margins.top,
            width: rect.width + margins.left + margins.right,
            height: rect.height + margins.top + margins.bottom,
        }
    }

    /// The tiles of strip `row`, left to right.
    pub fn strip(&self, row: u32) -> std::ops::Range<u32> {
        let columns = self.columns();
        let row = row.min(self.rows());
        row * columns..((row + 1) * columns).min(self.tiles())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tiles_cover_each_pixel_once(width in 1u32..200, height in 1u32..200, side in 1u32..80, other in 1u32..80) {
            let picture = Size { width, height };
            let grid = Grid::new(picture, Size { width: side, height: other });
            let mut seen = vec![0u8; (width * height) as usize];
            for index in 0..grid.tiles() {
                let rect = grid.rect(index).unwrap();
                for y in rect.y..rect.bottom() {
                    for x in rect.x..rect.right() {
                        seen[(y * width + x) as usize] += 1;
                    }
                }
            }
            prop_assert!(seen.iter().all(|count| *count == 1));
            prop_assert!(grid.rect(grid.tiles()).is_none());
        }

        #[test]
        fn margins_stay_inside(width in 1u32..300, height in 1u32..300, side in 1u32..80, halo in 0u32..130) {
            let picture = Size { width, height };
            let grid = Grid::new(picture, Size { width: side, height: side });
            for index in 0..grid.tiles() {
                let rect = grid.rect(index).unwrap();
                let whole = Grid::with_margins(rect, grid.margins(rect, halo));
                prop_assert!(whole.right() <= width && whole.bottom() <= height);
                prop_assert!(whole.x == rect.x.saturating_sub(halo) && whole.y == rect.y.saturating_sub(halo));
                prop_assert!(whole.right() == (rect.right() + halo).min(width));
            }
        }
    }
}
