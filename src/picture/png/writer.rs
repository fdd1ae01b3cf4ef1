//! Writing PNG row by row.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use png::chunk::ChunkType;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter, Info, StreamWriter, Writer};

use super::bytes::swap_bytes;
use super::chunks::XMP_NAME;
use crate::picture::metadata::Kept;
use crate::picture::rows::{RowWriter, WriteError};
use crate::picture::{Depth, Layout, PictureInfo};

/// Bytes of an IDAT chunk; larger ones cost memory, smaller ones headers.
const CHUNK_BYTES: usize = 64 << 10;
const ITXT: ChunkType = ChunkType(*b"iTXt");

/// Writes a PNG, fast rather than small: fixed Paeth filter, one pass of Huffman coding.
pub struct PngWriter<W: Write + 'static> {
    stream: StreamWriter<'static, Output<W>>,
    output: Output<W>,
    info: PictureInfo,
    rows_left: u32,
    swapped: Vec<u8>,
}

impl<W: Write + 'static> PngWriter<W> {
    /// Writes the header of a picture of `info`.
    ///
    /// # Errors
    /// If PNG has no such picture (a side beyond 2³¹ - 1), or the output fails.
    pub fn new(out: W, info: PictureInfo) -> Result<Self, WriteError> {
        Self::with(out, info, &Kept::NONE)
    }

    /// Writes the header and what goes with the pixels.
    ///
    /// # Errors
    /// As [`PngWriter::new`].
    pub fn with(out: W, info: PictureInfo, kept: &Kept) -> Result<Self, WriteError> {
        let output = Output(Arc::new(Mutex::new(Sink { out: BufWriter::new(out), failed: None })));
        let mut of = Info::with_size(info.size.width, info.size.height);
        of.icc_profile = kept.icc.clone().map(Into::into);
        of.exif_metadata = kept.exif.clone().map(Into::into);
        let mut encoder = Encoder::with_info(output.clone(), of).map_err(explain)?;
        encoder.set_color(match info.format.layout {
            Layout::Gray => ColorType::Grayscale,
            Layout::GrayAlpha => ColorType::GrayscaleAlpha,
            Layout::Rgb => ColorType::Rgb,
            Layout::Rgba => ColorType::Rgba,
        });
        encoder.set_depth(match info.format.depth {
            Depth::Eight => BitDepth::Eight,
            Depth::Sixteen => BitDepth::Sixteen,
        });
        encoder.set_deflate_compression(DeflateCompression::FdeflateUltraFast);
        encoder.set_filter(Filter::Paeth);
        let mut writer = encoder.write_header().map_err(explain)?;
        write_extras(&mut writer, kept).map_err(explain)?;
        let stream = writer.into_stream_writer_with_size(CHUNK_BYTES).map_err(explain)?;
        Ok(Self { stream, output, info, rows_left: info.size.height, swapped: Vec::new() })
    }
}

impl<W: Write + Send + 'static> RowWriter for PngWriter<W> {
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
        if self.rows_left == 0 || row.len() != self.info.row_bytes() {
            let text = format!("a row of {} bytes with {} rows left does not fit", row.len(), self.rows_left);
            return Err(WriteError::Output(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        if self.info.format.depth == Depth::Sixteen {
            self.swapped.clear();
            self.swapped.extend_from_slice(row);
            swap_bytes(&mut self.swapped);
            self.stream.write_all(&self.swapped)?;
        } else {
            self.stream.write_all(row)?;
        }
        self.rows_left -= 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        let Self { stream, output, .. } = *self;
        stream.finish().map_err(explain)?;
        // The encoder writes its last chunks while it is dropped, where it cannot report an error.
        output.close().map_err(WriteError::Output)
    }
}

impl<W: Write + 'static> fmt::Debug for PngWriter<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PngWriter").field("info", &self.info).field("rows_left", &self.rows_left).finish()
    }
}

/// Colours come first, as readers expect.
fn write_extras<W: Write>(writer: &mut Writer<W>, kept: &Kept) -> Result<(), EncodingError> {
    for color in &kept.colors {
        match color.split_first_chunk() {
            // Beside a profile the standard allows no word of sRGB.
            Some((b"sRGB", _)) if kept.icc.is_some() => {}
            Some((kind, data)) => writer.write_chunk(ChunkType(*kind), data)?,
            None => {}
        }
    }
    if let Some(packet) = &kept.xmp {
        // Not compressed, without a language and a name in it.
        writer.write_chunk(ITXT, &[XMP_NAME, &[0; 4], packet].concat())?;
    }
    for text in &kept.texts {
        if let Some((kind, text)) = text.split_first_chunk() {
            writer.write_chunk(ChunkType(*kind), text)?;
        }
    }
    Ok(())
}

fn explain(error: EncodingError) -> WriteError {
    match error {
        EncodingError::IoError(error) => WriteError::Output(error),
        other => WriteError::Unsupported(other.to_string()),
    }
}

/// The output, shared with the encoder, so that an error it swallowed is still known at the end.
struct Output<W: Write>(Arc<Mutex<Sink<W>>>);

struct Sink<W: Write> {
    out: BufWriter<W>,
    failed: Option<io::Error>,
}

impl<W: Write> Output<W> {
    fn close(&self) -> io::Result<()> {
        let mut sink = self.0.lock();
        match sink.failed.take() {
            Some(error) => Err(error),
            None => sink.out.flush(),
        }
    }
}

impl<W: Write> Clone for Output<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.lock();
        let result = sink.out.write(bytes);
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            sink.failed = Some(io::Error::new(error.kind(), error.to_string()));
        }
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().out.flush()
    }
}
