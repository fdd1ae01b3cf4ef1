//! The rows of a tiled TIFF: one row of tiles is decoded and held.

use std::fmt;
use std::io::{BufRead, Seek};

use super::ifd::Source;
use super::inflate::Inflater;
use super::layout::{Chunks, Layout};
use super::rows::Table;
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader};
use crate::picture::whole::room;

/// The rows of a TIFF in tiles, top to bottom.
pub(super) struct TileRows<R> {
    source: Source<R>,
    layout: Layout,
    tables: Option<(Table, Table)>,
    tile: (u32, u32),
    /// Rows of the tiles that are held.
    band: Vec<u8>,
    next_row: u32,
}

impl<R: BufRead + Seek> TileRows<R> {
    pub(super) fn new(source: Source<R>, layout: Layout) -> Self {
        let (tile, tables) = match layout.chunks {
            Chunks::Tiles { width, height, offsets, lengths } => {
                ((width, height), Some((Table::new(offsets), Table::new(lengths))))
            }
            Chunks::Strips { .. } => ((1, 1), None),
        };
        Self { source, layout, tables, tile, band: Vec::new(), next_row: 0 }
    }

    /// Decodes the row of tiles that begins with the next row.
    fn load(&mut self) -> Result<(), String> {
        let size = self.layout.info.size;
        let rows = self.tile.1.min(size.height - self.next_row);
        if self.band.is_empty() {
            self.band = room(u64::from(rows) * self.layout.info.row_bytes() as u64)?;
        }
        let across = size.width.div_ceil(self.tile.0);
        let first = u64::from(self.next_row / self.tile.1) * u64::from(across);
        for column in 0..across {
            self.load_tile(first + u64::from(column), column * self.tile.0, rows)?;
        }
        Ok(())
    }

    fn load_tile(&mut self, index: u64, left: u32, rows: u32) -> Result<(), String> {
        let (offsets, lengths) = self.tables.as_mut().ok_or("a TIFF without tiles")?;
        let (offset, length) = (offsets.get(&mut self.source, index)?, lengths.get(&mut self.source, index)?);
        self.source.seek(offset)?;
        let mut inflater = Inflater::new(self.layout.compression, length);
        let pixel = self.layout.info.format.bytes_per_pixel();
        let columns = self.tile.0.min(self.layout.info.size.width - left) as usize * pixel;
        let mut stored = room(self.layout.stored.row_bytes(self.tile.0))?;
        let row_bytes = self.layout.info.row_bytes();
        for row in self.band.chunks_exact_mut(row_bytes).take(rows as usize) {
            inflater.fill(&mut self.source.input, &mut stored)?;
            let start = left as usize * pixel;
            self.layout.stored.convert(&mut stored, &mut row[start..start + columns])?;
        }
        inflater.finish(&mut self.source.input)
    }

    fn row_error(&self, cause: String) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.layout.info.size.height, cause }
    }
}

impl<R: BufRead + Seek + Send> RowReader for TileRows<R> {
    fn info(&self) -> PictureInfo {
        self.layout.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.next_row >= self.layout.info.size.height || row.len() != self.layout.info.row_bytes() {
            return Err(self.row_error("there is no such row".to_owned()));
        }
        let inside = self.next_row % self.tile.1;
        if inside == 0 {
            self.load().map_err(|cause| self.row_error(cause))?;
        }
        let start = inside as usize * row.len();
        let held = self.band.get(start..start + row.len());
        row.copy_from_slice(held.ok_or_else(|| self.row_error("an earlier row was damaged".to_owned()))?);
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.next_row < self.layout.info.size.height {
            return Err(self.row_error("the rows were not read to the end".to_owned()));
        }
        Ok(())
    }
}

impl<R> fmt::Debug for TileRows<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TileRows").field("info", &self.layout.info).field("next_row", &self.next_row).finish()
    }
}
