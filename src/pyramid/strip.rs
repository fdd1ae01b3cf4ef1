//! One level on its way: the rows of a strip of tiles, and the row that waits for its neighbour.
//!
//! Rows come as the picture is stored. If it is to be mirrored, the tiles of the upright picture end where others begin, and
//! the pixel or row that has no neighbour is the first, not the last.

use super::halve::halve;
use super::shape::TILE;
use crate::picture::Size;

/// How a picture's axes lie to those of the upright one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mirrored {
    /// Its columns run backwards.
    pub(super) x: bool,
    /// Its rows run backwards.
    pub(super) y: bool,
}

/// A level, as its rows come.
#[derive(Debug)]
pub(super) struct Level {
    size: Size,
    channels: usize,
    mirrored: Mirrored,
    /// Whether tiles are made of it.
    is_kept: bool,
    /// Rows that came.
    rows: u32,
    /// Rows of the strip that is being filled.
    strip: Vec<u8>,
    /// A row without its neighbour.
    held: Vec<u8>,
    is_held: bool,
}

impl Level {
    pub(super) fn new(size: Size, channels: usize, mirrored: Mirrored, is_kept: bool) -> Self {
        Self { size, channels, mirrored, is_kept, rows: 0, strip: Vec::new(), held: Vec::new(), is_held: false }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.rows == self.size.height
    }

    pub(super) fn is_new(&self) -> bool {
        self.rows == 0
    }

    fn row_bytes(&self) -> usize {
        self.size.width as usize * self.channels
    }

    /// Takes a row; gives the row of the next level that it completes, in `halved`.
    pub(super) fn add(&mut self, row: &[u8], halved: &mut Vec<u8>) -> bool {
        if self.is_kept {
            if self.strip.is_empty() {
                // Grown row by row it might take twice its size.
                self.strip.reserve_exact(self.row_bytes() * self.strip_span().1 as usize);
            }
            self.strip.extend_from_slice(row);
        }
        self.rows += 1;
        let leads = self.mirrored.y && self.rows == 1 && self.size.height % 2 == 1;
        let is_last = self.rows == self.size.height;
        if self.is_held {
            self.is_held = false;
            halve(&self.held, row, self.channels, self.mirrored.x, halved);
            return true;
        }
        if leads || is_last {
            halve(row, row, self.channels, self.mirrored.x, halved);
            return true;
        }
        self.held.clear();
        self.held.extend_from_slice(row);
        self.is_held = true;
        false
    }

    /// The strip that the last row belongs to, counted as rows come, and its height.
    fn strip_span(&self) -> (u32, u32) {
        let row = self.rows.saturating_sub(u32::from(!self.strip.is_empty()));
        let (at, from, to) = span(self.size.height, self.mirrored.y, row);
        (at, to - from)
    }

    /// The tiles of the strip if it is complete: of each its column and row in the upright grid (before sides are swapped),
    /// its size, and its pixels in `pixels`.
    pub(super) fn take_strip<E>(
        &mut self,
        pixels: &mut Vec<u8>,
        mut take: impl FnMut((u32, u32), Size, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let row_bytes = self.row_bytes();
        let (row, height) = self.strip_span();
        if !self.is_kept || self.strip.len() < row_bytes * height as usize {
            return Ok(());
        }
        let mut x = 0;
        while x < self.size.width {
            let (column, from, to) = span(self.size.width, self.mirrored.x, x);
            let bytes = from as usize * self.channels..to as usize * self.channels;
            pixels.clear();
            self.strip.chunks_exact(row_bytes).for_each(|row| pixels.extend_from_slice(&row[bytes.clone()]));
            take((column, row), Size { width: to - from, height }, pixels)?;
            x = to;
        }
        self.strip.clear();
        Ok(())
    }
}

/// The tile along one side that has `at`: its number in the upright picture, where it begins and where it ends.
fn span(side: u32, is_mirrored: bool, at: u32) -> (u32, u32, u32) {
    let number = |upright: u32| upright / TILE;
    if !is_mirrored {
        let tile = number(at);
        return (tile, tile * TILE, (tile + 1).saturating_mul(TILE).min(side));
    }
    let tile = number(side - 1 - at.min(side - 1));
    (tile, side.saturating_sub((tile + 1).saturating_mul(TILE)), side - tile * TILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_a_mirrored_side_begin_at_its_end() {
        assert_eq!(span(600, false, 511), (1, 256, 512));
        assert_eq!(span(600, false, 599), (2, 512, 600));
        assert_eq!(span(600, true, 0), (2, 0, 88));
        assert_eq!(span(600, true, 88), (1, 88, 344));
        assert_eq!(span(600, true, 599), (0, 344, 600));
        assert_eq!((span(1, true, 0), span(256, true, 0)), ((0, 0, 1), (0, 0, 256)));
    }
}
