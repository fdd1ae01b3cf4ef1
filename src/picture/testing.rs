//! What the tests of several formats share: an output that can be looked at, and whole pictures out and in.

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::codec::{self, ResultFormat};
use super::metadata::Kept;
use super::rows::ReadError;
use super::sniff::Format;
use super::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// An output whose bytes can be taken afterwards.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A picture of 8 bit.
pub(crate) fn info(width: u32, height: u32, layout: Layout) -> PictureInfo {
    PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth: Depth::Eight } }
}

/// Writes a picture.
pub(crate) fn write(format: ResultFormat, info: PictureInfo, kept: &Kept, samples: &[u8]) -> Vec<u8> {
    let paper = Paper::default();
    let mut writer = format.writer_with(paper.clone(), info, kept).unwrap();
    samples.chunks_exact(info.row_bytes()).for_each(|row| writer.write_row(row).unwrap());
    writer.finish().unwrap();
    paper.take()
}

/// Reads a picture to its end, within 16 MiB.
pub(crate) fn read(format: Format, file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    let mut rows = codec::open(format, Cursor::new(file.to_vec()), 16 << 20)?;
    let info = rows.info();
    let mut row = vec![0; info.row_bytes()];
    let mut bytes = Vec::new();
    for _ in 0..info.size.height {
        rows.read_row(&mut row)?;
        bytes.extend_from_slice(&row);
    }
    rows.finish()?;
    Ok((info, bytes))
}
