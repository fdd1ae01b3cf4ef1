//! One strip: verified slots, put side by side into rows.
//!
//! Holds a bounded number of rows. A strip that is larger is verified first, slot by slot, and
//! then read in bands of fewer rows, so that nothing of it is written before all of it is known to be good.

use tessera::picture::Rect;
use tessera::picture::rows::RowWriter;
use tessera::plan::Stage;
use tessera::tiling::TurnedGrid;

use super::EncodeError;
use super::link::Link;
use crate::spool::{OpenSlots, SlotError};

/// The memory that a strip is put together in.
#[derive(Debug)]
pub(super) struct StripBuffer {
    grid: TurnedGrid,
    row_bytes: usize,
    pixel_bytes: usize,
    buffer_bytes: usize,
    rows: Vec<u8>,
    tile: Vec<u8>,
}

impl StripBuffer {
    /// A buffer that holds rows of at most `buffer_bytes` at once, but at least one.
    pub(super) fn new(stage: &Stage, buffer_bytes: usize) -> Self {
        Self {
            grid: stage.turned_grid(),
            row_bytes: stage.output.row_bytes(),
            pixel_bytes: stage.output.format.bytes_per_pixel(),
            buffer_bytes,
            rows: Vec::new(),
            tile: Vec::new(),
        }
    }

    /// Writes all rows of strip `strip`, or none if a slot is bad.
    pub(super) fn write_strip(
        &mut self,
        slots: &OpenSlots<'_>,
        strip: u32,
        out: &mut dyn RowWriter,
    ) -> Result<(), EncodeError> {
        let row_bytes = self.row_bytes;
        self.each_block(slots, strip, |rows| Ok(rows.chunks_exact(row_bytes).try_for_each(|row| out.write_row(row))?))
    }

    /// Links all rows of strip `strip`, or none if a slot is bad; writes them if they are settled.
    pub(super) fn link_strip(
        &mut self,
        slots: &OpenSlots<'_>,
        strip: u32,
        link: &mut Link,
        out: &mut dyn RowWriter,
    ) -> Result<(), EncodeError> {
        let row_bytes = self.row_bytes;
        self.each_block(slots, strip, |rows| {
            if link.take(rows)? {
                rows.chunks_exact(row_bytes).try_for_each(|row| out.write_row(row))?;
            }
            Ok(())
        })
    }

    /// Hands all rows of strip `strip` on, as many at once as the buffer holds, or none if a slot is bad.
    fn each_block(
        &mut self,
        slots: &OpenSlots<'_>,
        strip: u32,
        mut take: impl FnMut(&mut [u8]) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Some((_, first)) = tiles(self.grid, strip).next() else { return Ok(()) };
        let rows = first.height as usize;
        let rows_at_once = (self.buffer_bytes / self.row_bytes.max(1)).clamp(1, rows);
        if rows_at_once < rows {
            self.verify(slots, strip)?;
        }
        for top in (0..rows).step_by(rows_at_once) {
            let height = rows_at_once.min(rows - top);
            self.gather(slots, strip, top, height, rows_at_once == rows)?;
            take(&mut self.rows)?;
        }
        Ok(())
    }

    /// Reads all slots of a strip and compares their checksums.
    fn verify(&mut self, slots: &OpenSlots<'_>, strip: u32) -> Result<(), SlotError> {
        for (index, rect) in tiles(self.grid, strip) {
            self.tile.resize(rect.height as usize * rect.width as usize * self.pixel_bytes, 0);
            slots.read(index, &mut self.tile)?;
        }
        Ok(())
    }

    /// Puts `height` rows of a strip, from its row `top` on, into `rows`.
    fn gather(
        &mut self,
        slots: &OpenSlots<'_>,
        strip: u32,
        top: usize,
        height: usize,
        is_whole_strip: bool,
    ) -> Result<(), SlotError> {
        self.rows.resize(height * self.row_bytes, 0);
        for (index, rect) in tiles(self.grid, strip) {
            let width_bytes = rect.width as usize * self.pixel_bytes;
            self.tile.resize(height * width_bytes, 0);
            if is_whole_strip {
                slots.read(index, &mut self.tile)?;
            } else {
                slots.read_part(index, top * width_bytes, &mut self.tile)?;
            }
            let left = rect.x as usize * self.pixel_bytes;
            for (row, part) in self.rows.chunks_exact_mut(self.row_bytes).zip(self.tile.chunks_exact(width_bytes)) {
                row[left..left + width_bytes].copy_from_slice(part);
            }
        }
        Ok(())
    }
}

fn tiles(grid: TurnedGrid, strip: u32) -> impl Iterator<Item = (u32, Rect)> {
    grid.strip(strip).filter_map(move |index| Some((index, grid.rect(index)?)))
}
