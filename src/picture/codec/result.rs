//! The formats that results are written in.

use std::io::{BufWriter, Write};

use crate::picture::PictureInfo;
use crate::picture::jpeg::{JpegSettings, JpegWriter};
use crate::picture::metadata::Kept;
use crate::picture::png::PngWriter;
use crate::picture::rows::{RowWriter, WriteError};
use crate::picture::sniff::Format;
use crate::picture::tiff::TiffWriter;
use crate::picture::webp::{self, WebpWriter};

/// Bytes that are written at once where a format does not gather them itself.
const BUFFER_BYTES: usize = 256 << 10;

/// A format that results are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultFormat {
    /// PNG, exact.
    Png,
    /// JPEG; the one step that loses anything.
    Jpeg(JpegSettings),
    /// WebP, lossless; encoded whole in memory.
    Webp,
    /// TIFF or BigTIFF, exact, not compressed.
    Tiff,
}

impl ResultFormat {
    /// The result's format for a picture that came as `input`, when the sender asked for the same.
    ///
    /// GIF, BMP, QOI and animations become PNG.
    pub fn same_as(input: Format, jpeg: JpegSettings) -> Self {
        match input {
            Format::Jpeg => Self::Jpeg(jpeg),
            Format::WebP => Self::Webp,
            Format::Tiff => Self::Tiff,
            Format::Png | Format::Gif | Format::Bmp | Format::Qoi => Self::Png,
        }
    }

    /// The usual end of a file's name, without dot.
    pub fn extension(self) -> &'static str {
        self.format().extension()
    }

    /// The format.
    pub fn format(self) -> Format {
        match self {
            Self::Png => Format::Png,
            Self::Jpeg(_) => Format::Jpeg,
            Self::Webp => Format::WebP,
            Self::Tiff => Format::Tiff,
        }
    }

    /// How it is written, if it is a JPEG.
    pub fn jpeg(self) -> Option<JpegSettings> {
        match self {
            Self::Jpeg(settings) => Some(settings),
            Self::Png | Self::Webp | Self::Tiff => None,
        }
    }

    /// Whether the format has pictures of `info`, and encodes them in `max_decode_bytes` of memory.
    ///
    /// # Errors
    /// What is in the way, and which formats take it.
    pub fn check(self, info: PictureInfo, max_decode_bytes: u64) -> Result<(), String> {
        match self {
            Self::Png | Self::Tiff => Ok(()),
            Self::Jpeg(_) => JpegWriter::<Vec<u8>>::check(info),
            Self::Webp => webp::check(info, max_decode_bytes),
        }
    }

    /// Bytes of memory that encoding takes beyond a few rows; `None` if it takes no more.
    pub fn whole_bytes(self, info: PictureInfo) -> Option<u64> {
        matches!(self, Self::Webp).then(|| webp::encoder_bytes(info))
    }

    /// A writer of rows of a picture of `info`.
    ///
    /// # Errors
    /// If the format has no such picture, or the output fails.
    pub fn writer<W: Write + Send + 'static>(
        self,
        out: W,
        info: PictureInfo,
    ) -> Result<Box<dyn RowWriter>, WriteError> {
        self.writer_with(out, info, &Kept::NONE)
    }

    /// A writer of rows and of what goes with them.
    ///
    /// # Errors
    /// As [`ResultFormat::writer`].
    pub fn writer_with<W: Write + Send + 'static>(
        self,
        out: W,
        info: PictureInfo,
        kept: &Kept,
    ) -> Result<Box<dyn RowWriter>, WriteError> {
        Ok(match self {
            Self::Png => Box::new(PngWriter::with(out, info, kept)?),
            Self::Jpeg(settings) => Box::new(JpegWriter::with(out, info, settings, kept)?),
            Self::Webp => Box::new(WebpWriter::new(out, info, kept)?),
            Self::Tiff => Box::new(TiffWriter::new(BufWriter::with_capacity(BUFFER_BYTES, out), info, kept)?),
        })
    }
}
