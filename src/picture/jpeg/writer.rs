//! Writing JPEG scanline by scanline, with libjpeg-turbo's settings.

use std::fmt;
use std::io::{self, Write};

use mozjpeg::compress::CompressStarted;
use mozjpeg::{ColorSpace, Compress, Marker};

use super::errors::guarded;
use super::extras::{EXIF_NAME, XMP_NAME};
use super::settings::JpegSettings;
use crate::picture::metadata::Kept;
use crate::picture::rows::{RowWriter, WriteError};
use crate::picture::{Depth, Layout, PictureInfo};

/// The longest side that JPEG can have, in pixels.
pub const MAX_SIDE: u32 = 65_535;
/// Bytes of a profile in one segment: 255 of them hold more than any profile that is kept.
const PROFILE_PART_BYTES: usize = 65_000;

/// Writes a baseline JPEG.
pub struct JpegWriter<W: Write> {
    encoder: Option<Encoder<W>>,
    info: PictureInfo,
    rows_left: u32,
}

/// The C library's state.
struct Encoder<W: Write>(CompressStarted<W>);

// SAFETY: as for the decoder: the state is reached through this value only and belongs to no thread.
unsafe impl<W: Write + Send> Send for Encoder<W> {}

impl<W: Write> JpegWriter<W> {
    /// Writes the headers of a picture of `info`.
    ///
    /// # Errors
    /// If JPEG has no such picture: alpha, 16 bit, or a side beyond [`MAX_SIDE`].
    pub fn new(out: W, info: PictureInfo, settings: JpegSettings) -> Result<Self, WriteError> {
        Self::with(out, info, settings, &Kept::NONE)
    }

    /// Writes the headers and what goes with the pixels.
    ///
    /// # Errors
    /// As [`JpegWriter::new`].
    pub fn with(out: W, info: PictureInfo, settings: JpegSettings, kept: &Kept) -> Result<Self, WriteError> {
        Self::check(info).map_err(WriteError::Unsupported)?;
        let colors = if info.format.layout == Layout::Gray { ColorSpace::JCS_GRAYSCALE } else { ColorSpace::JCS_RGB };
        let started = guarded(|| {
            let mut compress = Compress::new(colors);
            compress.set_fastest_defaults();
            compress.set_size(info.size.width as usize, info.size.height as usize);
            compress.set_quality(f32::from(settings.quality.clamp(1, 100)));
            if colors == ColorSpace::JCS_RGB {
                let shared = settings.chroma.shared_pixels();
                compress.set_chroma_sampling_pixel_sizes(shared, shared);
            }
            let mut started = compress.start_compress(out)?;
            segments(kept).into_iter().for_each(|(marker, segment)| started.write_marker(marker, &segment));
            Ok(started)
        });
        let encoder = Encoder(started.map_err(failed)?);
        Ok(Self { encoder: Some(encoder), info, rows_left: info.size.height })
    }

    /// Whether JPEG has pictures of `info`.
    ///
    /// # Errors
    /// What is in the way, and which formats take it.
    pub fn check(info: PictureInfo) -> Result<(), String> {
        if info.format.layout.has_alpha() {
            return Err("JPEG has no alpha; choose PNG, WebP or TIFF".to_owned());
        }
        if info.format.depth == Depth::Sixteen {
            return Err("JPEG has no 16-bit samples; choose PNG or TIFF".to_owned());
        }
        if info.size.width > MAX_SIDE || info.size.height > MAX_SIDE {
            return Err(format!("a JPEG's sides are at most {MAX_SIDE} pixels; choose PNG or TIFF"));
        }
        Ok(())
    }
}

/// EXIF comes first, as readers expect.
fn segments(kept: &Kept) -> Vec<(Marker, Vec<u8>)> {
    let named = |name: &[u8], bytes: &Option<Vec<u8>>| {
        bytes.as_ref().map(|bytes| (Marker::APP(1), [name, bytes].concat())).into_iter()
    };
    let profile = kept.icc.as_deref().map(profile_segments).unwrap_or_default();
    named(EXIF_NAME, &kept.exif)
        .chain(named(XMP_NAME, &kept.xmp))
        .chain(profile.into_iter().map(|part| (Marker::APP(2), part)))
        .chain(kept.texts.iter().map(|comment| (Marker::COM, comment.clone())))
        .collect()
}

/// The profile in segments, numbered from 1 (ICC.1, annex B.4).
fn profile_segments(icc: &[u8]) -> Vec<Vec<u8>> {
    let parts = icc.chunks(PROFILE_PART_BYTES);
    let count = parts.len() as u8;
    let numbered = parts.zip(1u8..);
    numbered.map(|(part, number)| [b"ICC_PROFILE\0", &[number, count][..], part].concat()).collect()
}

fn failed(cause: String) -> WriteError {
    WriteError::Output(io::Error::other(cause))
}

impl<W: Write + Send> RowWriter for JpegWriter<W> {
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
        if self.rows_left == 0 || row.len() != self.info.row_bytes() {
            return Err(failed(format!("a row of {} bytes with {} rows left does not fit", row.len(), self.rows_left)));
        }
        let mut encoder = self.encoder.take().ok_or_else(|| failed("an earlier row could not be written".into()))?;
        guarded(|| encoder.0.write_scanlines(row)).map_err(failed)?;
        self.encoder = Some(encoder);
        self.rows_left -= 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        if self.rows_left > 0 {
            return Err(failed(format!("{} rows are missing", self.rows_left)));
        }
        let encoder = self.encoder.take().ok_or_else(|| failed("an earlier row could not be written".into()))?;
        let mut out = guarded(|| encoder.0.finish()).map_err(failed)?;
        Ok(out.flush()?)
    }
}

/// A whole picture as a JPEG in memory.
///
/// # Errors
/// As [`JpegWriter::new`].
pub fn encode(info: PictureInfo, pixels: &[u8], settings: JpegSettings) -> Result<Vec<u8>, WriteError> {
    if pixels.len() as u64 != info.bytes() {
        return Err(failed(format!("{} bytes are not the pixels of the picture", pixels.len())));
    }
    let mut writer = JpegWriter::new(Vec::new(), info, settings)?;
    let mut encoder = writer.encoder.take().ok_or_else(|| failed("the encoder has gone".into()))?;
    let written = guarded(|| {
        encoder.0.write_scanlines(pixels)?;
        encoder.0.finish()
    });
    written.map_err(failed)
}

impl<W: Write> fmt::Debug for JpegWriter<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JpegWriter").field("info", &self.info).field("rows_left", &self.rows_left).finish()
    }
}
