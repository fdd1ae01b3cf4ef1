//! Tiles and previews as files: JPEG, or PNG where there is alpha.

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::picture::codec;
use crate::picture::jpeg::{self, Chroma, JpegSettings};
use crate::picture::png::PngWriter;
use crate::picture::rows::{ReadError, RowWriter, WriteError};
use crate::picture::sniff::Format;
use crate::picture::{Layout, PictureInfo};

/// The quality of tiles.
const SETTINGS: JpegSettings = JpegSettings { quality: 80, chroma: Chroma::Half };
/// A tile decodes to less.
const MOST_DECODED: u64 = 4 << 20;

/// The format of a pyramid's tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileKind {
    /// Of pictures without alpha.
    Jpeg,
    /// Of pictures with it.
    Png,
}

impl TileKind {
    /// For pixels of that layout.
    pub fn of(layout: Layout) -> Self {
        if layout.has_alpha() { Self::Png } else { Self::Jpeg }
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        self.format().media_type()
    }

    fn format(self) -> Format {
        match self {
            Self::Jpeg => Format::Jpeg,
            Self::Png => Format::Png,
        }
    }
}

/// A file of 8-bit pixels.
pub(super) fn encode(info: PictureInfo, pixels: &[u8]) -> Result<Vec<u8>, WriteError> {
    match TileKind::of(info.format.layout) {
        TileKind::Jpeg => jpeg::encode(info, pixels, SETTINGS),
        TileKind::Png => png(info, pixels),
    }
}

fn png(info: PictureInfo, pixels: &[u8]) -> Result<Vec<u8>, WriteError> {
    let paper = Paper::default();
    let mut writer = Box::new(PngWriter::new(paper.clone(), info)?);
    pixels.chunks_exact(info.row_bytes()).try_for_each(|row| writer.write_row(row))?;
    writer.finish()?;
    Ok(std::mem::take(&mut *paper.0.lock()))
}

/// The pixels of a file that [`encode`] wrote.
pub(super) fn decode(kind: TileKind, file: Vec<u8>) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    let mut rows = codec::open(kind.format(), Cursor::new(file), MOST_DECODED)?;
    let info = rows.info();
    if info.bytes() > MOST_DECODED {
        return Err(ReadError::Header("a tile is larger than any that is made".to_owned()));
    }
    let mut pixels = vec![0; usize::try_from(info.bytes()).unwrap_or(0)];
    pixels.chunks_exact_mut(info.row_bytes().max(1)).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok((info, pixels))
}

/// An output in memory.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
