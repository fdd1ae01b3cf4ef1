//! Reading a pyramid's file: what it is, and single tiles.

use std::io::{self, Read, Seek, SeekFrom};

use super::encode::TileKind;
use super::index::{END_BYTES, ENTRY_BYTES, End, Entry};
use super::shape::Shape;

/// No tile is longer: 256 x 256 pixels of four channels, and as much again.
const MOST_TILE_BYTES: u32 = 512 << 10;

/// Why a pyramid gives no tile.
#[derive(Debug, thiserror::Error)]
pub enum PyramidError {
    /// The file does not read.
    #[error("reading the pyramid")]
    Read(#[from] io::Error),
    /// It is not what was written.
    #[error("reading the pyramid: {0}")]
    Damaged(String),
}

/// A pyramid's file, opened.
#[derive(Debug)]
pub struct PyramidReader<R> {
    file: R,
    end: End,
}

impl<R: Read + Seek> PyramidReader<R> {
    /// Reads the end of the file, which says what it is.
    ///
    /// # Errors
    /// If it is no pyramid, or was cut off.
    pub fn open(mut file: R) -> Result<Self, PyramidError> {
        let bytes = file.seek(SeekFrom::End(0))?;
        let damaged = || PyramidError::Damaged("its end is not that of a pyramid".to_owned());
        let at = bytes.checked_sub(END_BYTES as u64).ok_or_else(damaged)?;
        let mut end = [0; END_BYTES];
        read_at(&mut file, at, &mut end)?;
        let end = End::from_bytes(&end).ok_or_else(damaged)?;
        let index = end.shape.tiles() * ENTRY_BYTES as u64;
        if end.entries_at.checked_add(index) != Some(at) {
            return Err(damaged());
        }
        Ok(Self { file, end })
    }

    /// Which levels it has.
    pub fn shape(&self) -> Shape {
        self.end.shape
    }

    /// The format of its tiles.
    pub fn kind(&self) -> TileKind {
        self.end.kind
    }

    /// The file of a tile and its checksum; `None` if the pyramid has no such tile.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was written.
    pub fn tile(&mut self, level: u8, column: u32, row: u32) -> Result<Option<(Vec<u8>, u32)>, PyramidError> {
        let Some(number) = self.end.shape.entry(level, column, row) else { return Ok(None) };
        let mut entry = [0; ENTRY_BYTES];
        read_at(&mut self.file, self.end.entries_at + number * ENTRY_BYTES as u64, &mut entry)?;
        let entry = Entry::from_bytes(entry);
        let ends = entry.offset.checked_add(entry.bytes.into());
        if entry.bytes > MOST_TILE_BYTES || ends.is_none_or(|end| end > self.end.entries_at) {
            return Err(PyramidError::Damaged(format!("its index is not that of {column}, {row} of level {level}")));
        }
        let mut bytes = vec![0; entry.bytes as usize];
        read_at(&mut self.file, entry.offset, &mut bytes)?;
        if crc32c::crc32c(&bytes) != entry.crc32c {
            return Err(PyramidError::Damaged(format!("tile {column}, {row} of level {level} has other bytes")));
        }
        Ok(Some((bytes, entry.crc32c)))
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}
