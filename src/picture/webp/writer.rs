//! Writing WebP, lossless. The encoder takes a whole picture: rows are collected until the last has come.

use std::fmt;
use std::io::{self, Write};

use image_webp::{ColorType, EncodingError, WebPEncoder};

use crate::picture::metadata::Kept;
use crate::picture::rows::{RowWriter, WriteError};
use crate::picture::{Depth, Layout, PictureInfo};

/// The longest side that WebP can have, in pixels.
pub const MAX_SIDE: u32 = 16_383;
/// Bytes a pixel that the encoder holds besides the samples: a copy with four channels, and the result.
const ENCODER_BYTES_PER_PIXEL: u64 = 8;

/// Bytes of memory that encoding a picture of `info` takes.
pub fn encoder_bytes(info: PictureInfo) -> u64 {
    info.bytes() + info.size.pixels() * ENCODER_BYTES_PER_PIXEL
}

/// Whether WebP has pictures of `info` and they are encoded in `max_bytes` of memory.
///
/// # Errors
/// What is in the way, and which formats take it.
pub fn check(info: PictureInfo, max_bytes: u64) -> Result<(), String> {
    if info.format.depth == Depth::Sixteen {
        return Err("WebP has no 16-bit samples; choose PNG or TIFF".to_owned());
    }
    if info.size.width > MAX_SIDE || info.size.height > MAX_SIDE {
        return Err(format!("a WebP's sides are at most {MAX_SIDE} pixels; choose PNG or TIFF"));
    }
    let needed = encoder_bytes(info);
    if needed > max_bytes {
        return Err(format!(
            "encoding this WebP needs {needed} bytes of memory, max_decode_bytes is {max_bytes}; choose PNG or TIFF"
        ));
    }
    Ok(())
}

/// Collects rows and writes them as a lossless WebP at the end.
pub struct WebpWriter<W> {
    out: W,
    info: PictureInfo,
    kept: Kept,
    samples: Vec<u8>,
}

impl<W: Write> WebpWriter<W> {
    /// Begins a picture of `info` with what goes with it.
    ///
    /// # Errors
    /// If WebP has no such picture; memory is the business of the caller of [`check`].
    pub fn new(out: W, info: PictureInfo, kept: &Kept) -> Result<Self, WriteError> {
        check(info, u64::MAX).map_err(WriteError::Unsupported)?;
        Ok(Self { out, info, kept: kept.clone(), samples: Vec::new() })
    }
}

impl<W: Write + Send> RowWriter for WebpWriter<W> {
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
        let all = self.info.bytes();
        if row.len() != self.info.row_bytes() || self.samples.len() as u64 >= all {
            return Err(misfit(format!("a row of {} bytes does not fit", row.len())));
        }
        if self.samples.is_empty() {
            let room = self.samples.try_reserve_exact(all as usize);
            room.map_err(|_| WriteError::Output(io::ErrorKind::OutOfMemory.into()))?;
        }
        self.samples.extend_from_slice(row);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        let Self { mut out, info, kept, samples } = *self;
        if samples.len() as u64 != info.bytes() {
            return Err(misfit("rows are missing".to_owned()));
        }
        let mut encoder = WebPEncoder::new(&mut out);
        // An empty one is not written.
        encoder.set_icc_profile(kept.icc.unwrap_or_default());
        encoder.set_exif_metadata(kept.exif.unwrap_or_default());
        encoder.set_xmp_metadata(kept.xmp.unwrap_or_default());
        let color = match info.format.layout {
            Layout::Gray => ColorType::L8,
            Layout::GrayAlpha => ColorType::La8,
            Layout::Rgb => ColorType::Rgb8,
            Layout::Rgba => ColorType::Rgba8,
        };
        encoder.encode(&samples, info.size.width, info.size.height, color).map_err(explain)?;
        Ok(out.flush()?)
    }
}

impl<W> fmt::Debug for WebpWriter<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WebpWriter").field("info", &self.info).field("bytes", &self.samples.len()).finish()
    }
}

fn misfit(text: String) -> WriteError {
    WriteError::Output(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn explain(error: EncodingError) -> WriteError {
    match error {
        EncodingError::IoError(error) => WriteError::Output(error),
        other => WriteError::Unsupported(other.to_string()),
    }
}
