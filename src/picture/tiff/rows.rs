//! The rows of a TIFF in strips, decoded as they are asked for.

use std::fmt;
use std::io::{BufRead, Seek};

use super::ifd::{Entry, Source};
use super::inflate::Inflater;
use super::layout::{Chunks, Layout};
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader};

/// Values of a table that are read at once.
const WINDOW: usize = 512;

/// A table of numbers in the file, of which a part is held.
#[derive(Debug)]
pub(super) struct Table {
    entry: Entry,
    start: u64,
    window: Vec<u64>,
}

impl Table {
    pub(super) fn new(entry: Entry) -> Self {
        Self { entry, start: 0, window: Vec::new() }
    }

    /// Value `index`.
    pub(super) fn get<R: BufRead + Seek>(&mut self, source: &mut Source<R>, index: u64) -> Result<u64, String> {
        let held = index.checked_sub(self.start).and_then(|at| self.window.get(at as usize).copied());
        if let Some(value) = held {
            return Ok(value);
        }
        let count = self.entry.count.saturating_sub(index).min(WINDOW as u64) as usize;
        let mut window = vec![0; count];
        source.numbers(self.entry, index, &mut window)?;
        (self.start, self.window) = (index, window);
        self.window.first().copied().ok_or_else(|| "a TIFF with too few strips or tiles".to_owned())
    }
}

/// The rows of a TIFF in strips, top to bottom.
pub(super) struct StripRows<R> {
    source: Source<R>,
    layout: Layout,
    offsets: Option<Table>,
    lengths: Option<Table>,
    rows_per_strip: u32,
    strip: Option<Inflater>,
    stored: Vec<u8>,
    next_row: u32,
}

impl<R: BufRead + Seek> StripRows<R> {
    pub(super) fn new(source: Source<R>, layout: Layout) -> Self {
        let (rows_per_strip, offsets, lengths) = match layout.chunks {
            Chunks::Strips { rows, offsets, lengths } => (rows, Some(Table::new(offsets)), lengths.map(Table::new)),
            Chunks::Tiles { .. } => (1, None, None),
        };
        Self { source, layout, offsets, lengths, rows_per_strip, strip: None, stored: Vec::new(), next_row: 0 }
    }

    fn begin_strip(&mut self) -> Result<Inflater, String> {
        self.end_strip()?;
        let index = u64::from(self.next_row / self.rows_per_strip);
        let offsets = self.offsets.as_mut().ok_or("a TIFF without strips")?;
        let offset = offsets.get(&mut self.source, index)?;
        let length = match &mut self.lengths {
            Some(lengths) => lengths.get(&mut self.source, index)?,
            None => u64::MAX,
        };
        self.source.seek(offset)?;
        Ok(Inflater::new(self.layout.compression, length))
    }

    fn end_strip(&mut self) -> Result<(), String> {
        self.strip.take().map_or(Ok(()), |mut strip| strip.finish(&mut self.source.input))
    }

    fn next(&mut self, row: &mut [u8]) -> Result<(), String> {
        let mut strip = match self.strip.take() {
            Some(strip) if !self.next_row.is_multiple_of(self.rows_per_strip) => strip,
            ended => {
                self.strip = ended;
                self.begin_strip()?
            }
        };
        self.stored.resize(self.layout.stored.row_bytes(self.layout.info.size.width) as usize, 0);
        strip.fill(&mut self.source.input, &mut self.stored)?;
        self.strip = Some(strip);
        self.layout.stored.convert(&mut self.stored, row)
    }

    fn row_error(&self, cause: String) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.layout.info.size.height, cause }
    }
}

impl<R: BufRead + Seek + Send> RowReader for StripRows<R> {
    fn info(&self) -> PictureInfo {
        self.layout.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.next_row >= self.layout.info.size.height || row.len() != self.layout.info.row_bytes() {
            return Err(self.row_error("there is no such row".to_owned()));
        }
        self.next(row).map_err(|cause| self.row_error(cause))?;
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        let rows = self.layout.info.size.height;
        if self.next_row < rows {
            return Err(self.row_error("the rows were not read to the end".to_owned()));
        }
        self.end_strip().map_err(|cause| ReadError::End { rows, cause })
    }
}

impl<R> fmt::Debug for StripRows<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StripRows").field("info", &self.layout.info).field("next_row", &self.next_row).finish()
    }
}
