//! The rows of a plain bitmap, read some at a time from where they are stored.

use std::fmt;
use std::io::{BufRead, ErrorKind, Seek, SeekFrom};

use super::header::Bitmap;
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader};

/// Bytes of stored rows that are read at once: reading backwards row by row would read each buffer again.
const BLOCK_BYTES: u64 = 256 << 10;

/// The rows of a bitmap, top to bottom.
pub(super) struct BmpRows<R> {
    input: R,
    bitmap: Bitmap,
    next_row: u32,
    /// Stored rows, in the order of the file.
    block: Vec<u8>,
    block_start: u32,
}

impl<R: BufRead + Seek> BmpRows<R> {
    pub(super) fn new(input: R, bitmap: Bitmap) -> Self {
        Self { input, bitmap, next_row: 0, block: Vec::new(), block_start: 0 }
    }

    /// Makes sure that the block has the stored row `at`, counted in the order of the file.
    fn make_held(&mut self, at: u32, stride: u64) -> Result<(), String> {
        let held = self.block.len() as u64 / stride;
        let is_held = at >= self.block_start && u64::from(at - self.block_start) < held;
        if is_held { Ok(()) } else { self.load(at, stride) }
    }

    /// Reads the block that has `at` at the end which is reached last.
    fn load(&mut self, at: u32, stride: u64) -> Result<(), String> {
        let rows = (BLOCK_BYTES / stride).max(1) as u32;
        let height = self.bitmap.size.height;
        let (start, end) = if self.bitmap.from_below {
            ((at + 1).saturating_sub(rows), at + 1)
        } else {
            (at, at.saturating_add(rows).min(height))
        };
        let describe = |error: std::io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => "the file ends early".to_owned(),
            _ => error.to_string(),
        };
        self.block.clear();
        self.input.seek(SeekFrom::Start(self.bitmap.pixels_at + u64::from(start) * stride)).map_err(describe)?;
        let mut block = vec![0; (u64::from(end - start) * stride) as usize];
        self.input.read_exact(&mut block).map_err(describe)?;
        (self.block, self.block_start) = (block, start);
        Ok(())
    }

    fn row_error(&self, cause: String) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.bitmap.size.height, cause }
    }
}

impl<R: BufRead + Seek + Send> RowReader for BmpRows<R> {
    fn info(&self) -> PictureInfo {
        self.bitmap.info()
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        let height = self.bitmap.size.height;
        if self.next_row >= height || row.len() != self.info().row_bytes() {
            return Err(self.row_error("there is no such row".to_owned()));
        }
        let at = if self.bitmap.from_below { height - 1 - self.next_row } else { self.next_row };
        let stride = self.bitmap.stride();
        let outcome = self.make_held(at, stride).and_then(|()| {
            let start = (u64::from(at - self.block_start) * stride) as usize;
            self.bitmap.colors.convert(&self.block[start..start + stride as usize], row)
        });
        outcome.map_err(|cause| self.row_error(cause))?;
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.next_row < self.bitmap.size.height {
            return Err(self.row_error("the rows were not read to the end".to_owned()));
        }
        Ok(())
    }
}

impl<R> fmt::Debug for BmpRows<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("BmpRows").field("size", &self.bitmap.size).field("next_row", &self.next_row).finish()
    }
}
