//! Bands: the rows that one strip of tiles needs, read from a stream.
//!
//! Holds one strip and its halo, never the picture. Rows that the next strip needs again are kept.

use std::fmt;

use super::Grid;
use crate::picture::rows::{ReadError, RowReader};
use crate::picture::{PictureInfo, Rect, Size};

/// Reads a picture strip by strip; each strip comes with `halo` rows above and below, clipped at the edges.
pub struct BandReader<R> {
    reader: R,
    strip_rows: u32,
    halo: u32,
    next_strip: u32,
    band: Band,
}

/// Consecutive full-width rows of a picture.
#[derive(Debug)]
pub struct Band {
    info: PictureInfo,
    first_row: u32,
    bytes: Vec<u8>,
}

impl<R: RowReader> BandReader<R> {
    /// Reads `reader` in strips of `strip_rows` rows (at least 1).
    ///
    /// # Cost
    /// Memory for `strip_rows + 2 * halo` rows, allocated as they are read.
    pub fn new(reader: R, strip_rows: u32, halo: u32) -> Self {
        let band = Band { info: reader.info(), first_row: 0, bytes: Vec::new() };
        Self { reader, strip_rows: strip_rows.max(1), halo, next_strip: 0, band }
    }

    /// Reads on to the next strip; `None` after the last. After the last strip's rows the end of the
    /// input has not been verified yet: see [`BandReader::finish`].
    ///
    /// # Errors
    /// If a row cannot be read.
    pub fn next_band(&mut self) -> Result<Option<(Rect, &Band)>, ReadError> {
        let size = self.band.info.size;
        let top = self.next_strip.saturating_mul(self.strip_rows);
        if top >= size.height {
            return Ok(None);
        }
        let rect = Rect { x: 0, y: top, width: size.width, height: self.strip_rows.min(size.height - top) };
        self.band.forget_before(top.saturating_sub(self.halo));
        let end = rect.bottom().saturating_add(self.halo).min(size.height);
        self.read_up_to(end)?;
        self.next_strip += 1;
        Ok(Some((rect, &self.band)))
    }

    fn read_up_to(&mut self, end: u32) -> Result<(), ReadError> {
        let row_bytes = self.band.info.row_bytes();
        // Grown row by row, the band might take twice its size.
        let missing = end.saturating_sub(self.band.end_row()) as usize;
        self.band.bytes.reserve_exact(missing.saturating_mul(row_bytes));
        while self.band.end_row() < end {
            let start = self.band.bytes.len();
            self.band.bytes.resize(start + row_bytes, 0);
            self.reader.read_row(&mut self.band.bytes[start..])?;
        }
        Ok(())
    }

    /// Verifies the end of the input, and gives the reader back.
    ///
    /// # Errors
    /// If the input is truncated or damaged behind its last row.
    pub fn finish(&mut self) -> Result<(), ReadError> {
        self.reader.finish()
    }

    /// What only reading to the end has shown, as [`RowReader::remarks`].
    pub fn remarks(&self) -> &[String] {
        self.reader.remarks()
    }
}

impl Band {
    /// What a part of the picture of that size is.
    pub fn info_of(&self, size: Size) -> PictureInfo {
        PictureInfo { size, ..self.info }
    }

    fn row_bytes(&self) -> usize {
        self.info.row_bytes()
    }

    /// The row after the band's last.
    pub fn end_row(&self) -> u32 {
        self.first_row + (self.bytes.len() / self.row_bytes().max(1)) as u32
    }

    fn forget_before(&mut self, row: u32) {
        let gone = row.saturating_sub(self.first_row).min(self.end_row() - self.first_row);
        let bytes = gone as usize * self.row_bytes();
        self.bytes.copy_within(bytes.., 0);
        self.bytes.truncate(self.bytes.len() - bytes);
        self.first_row += gone;
    }

    /// Copies the pixels of `rect` (in the picture's coordinates); `None` if the band does not hold them.
    pub fn cut(&self, rect: Rect) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.cut_into(rect, &mut out).map(|()| out)
    }

    /// As [`Band::cut`], into `out`, whose memory is used again.
    pub fn cut_into(&self, rect: Rect, out: &mut Vec<u8>) -> Option<()> {
        if rect.y < self.first_row || rect.bottom() > self.end_row() || rect.right() > self.info.size.width {
            return None;
        }
        let pixel = self.info.format.bytes_per_pixel();
        let (from, length) = (rect.x as usize * pixel, rect.width as usize * pixel);
        out.clear();
        out.reserve_exact(length * rect.height as usize);
        let skipped = (rect.y - self.first_row) as usize;
        let rows = self.bytes.chunks_exact(self.row_bytes()).skip(skipped).take(rect.height as usize);
        rows.for_each(|row| out.extend_from_slice(&row[from..from + length]));
        Some(())
    }

    /// The tile `rect` with `halo`, as a task carries it.
    pub fn cut_tile(&self, grid: &Grid, rect: Rect, halo: u32) -> Option<Vec<u8>> {
        self.cut(Grid::with_margins(rect, grid.margins(rect, halo)))
    }
}

impl<R> fmt::Debug for BandReader<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("BandReader").field("next_strip", &self.next_strip).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::picture::{Depth, Layout, PixelFormat};

    struct Counted {
        info: PictureInfo,
        row: u32,
    }

    impl RowReader for Counted {
        fn info(&self) -> PictureInfo {
            self.info
        }

        fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
            for (x, byte) in row.iter_mut().enumerate() {
                *byte = (self.row * 31 + x as u32 * 7) as u8;
            }
            self.row += 1;
            Ok(())
        }

        fn finish(&mut self) -> Result<(), ReadError> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn bands_hold_what_each_tile_needs(width in 1u32..90, height in 1u32..90, side in 1u32..40, halo in 0u32..50) {
            let size = Size { width, height };
            let info = PictureInfo { size, format: PixelFormat { layout: Layout::Gray, depth: Depth::Eight } };
            let grid = Grid::new(size, Size { width: side, height: side });
            let mut bands = BandReader::new(Counted { info, row: 0 }, side, halo);
            let mut strips = 0;
            while let Some((strip, band)) = bands.next_band().unwrap() {
                prop_assert_eq!(strip.y, strips * side);
                for index in grid.strip(strips) {
                    let rect = grid.rect(index).unwrap();
                    let whole = Grid::with_margins(rect, grid.margins(rect, halo));
                    let cut = band.cut_tile(&grid, rect, halo).unwrap();
                    let expected: Vec<u8> = (whole.y..whole.bottom())
                        .flat_map(|y| (whole.x..whole.right()).map(move |x| (y * 31 + x * 7) as u8))
                        .collect();
                    prop_assert_eq!(cut, expected);
                }
                strips += 1;
            }
            prop_assert_eq!(strips, grid.rows());
        }
    }
}
