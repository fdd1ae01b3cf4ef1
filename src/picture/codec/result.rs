//! The formats that results are written in, and those that can be asked for.

use std::fmt;
use std::io::{BufWriter, Write};
use std::str::FromStr;

use super::Header;
use crate::picture::PictureInfo;
use crate::picture::jpeg::JpegWriter;
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
    /// JPEG of a quality from 1 to 100; the one step that loses anything.
    Jpeg {
        /// Quality.
        quality: u8,
    },
    /// WebP, lossless; encoded whole in memory.
    Webp,
    /// TIFF or BigTIFF, exact, not compressed.
    Tiff,
}

impl ResultFormat {
    /// The result's format for a picture that came as `input`, when the sender asked for the same.
    ///
    /// GIF, BMP, QOI and animations become PNG.
    pub fn same_as(input: Format, quality: u8) -> Self {
        match input {
            Format::Jpeg => Self::Jpeg { quality },
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
            Self::Jpeg { .. } => Format::Jpeg,
            Self::Webp => Format::WebP,
            Self::Tiff => Format::Tiff,
        }
    }

    /// The quality, where the format has one.
    pub fn quality(self) -> Option<u8> {
        match self {
            Self::Jpeg { quality } => Some(quality),
            _ => None,
        }
    }

    /// Whether the format has pictures of `info`, and encodes them in `max_decode_bytes` of memory.
    ///
    /// # Errors
    /// What is in the way, and which formats take it.
    pub fn check(self, info: PictureInfo, max_decode_bytes: u64) -> Result<(), String> {
        match self {
            Self::Png | Self::Tiff => Ok(()),
            Self::Jpeg { .. } => JpegWriter::<Vec<u8>>::check(info),
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
        self.writer_with_profile(out, info, None)
    }

    /// A writer of rows and of a colour profile.
    ///
    /// # Errors
    /// As [`ResultFormat::writer`].
    pub fn writer_with_profile<W: Write + Send + 'static>(
        self,
        out: W,
        info: PictureInfo,
        icc: Option<&[u8]>,
    ) -> Result<Box<dyn RowWriter>, WriteError> {
        Ok(match self {
            Self::Png => Box::new(PngWriter::with_profile(out, info, icc)?),
            Self::Jpeg { quality } => Box::new(JpegWriter::with_profile(out, info, quality, icc)?),
            Self::Webp => Box::new(WebpWriter::new(out, info, icc)?),
            Self::Tiff => Box::new(TiffWriter::new(BufWriter::with_capacity(BUFFER_BYTES, out), info, icc)?),
        })
    }
}

/// What a sender can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WantedFormat {
    /// That of the picture.
    #[default]
    Same,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// TIFF.
    Tiff,
}

impl WantedFormat {
    /// The words of the API, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Same, Self::Png, Self::Jpeg, Self::Webp, Self::Tiff];

    /// The result's format for a picture with `header`, and what the sender should know about the choice.
    pub fn resolve(self, header: &Header, quality: u8) -> (ResultFormat, Option<String>) {
        match self {
            Self::Same => same(header, quality),
            Self::Png => (ResultFormat::Png, None),
            Self::Jpeg => (ResultFormat::Jpeg { quality }, None),
            Self::Webp => (ResultFormat::Webp, None),
            Self::Tiff => (ResultFormat::Tiff, None),
        }
    }

    /// The format that the end of a file's name asks for.
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "webp" => Some(Self::Webp),
            "tif" | "tiff" => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Tiff => "tiff",
        }
    }
}

fn same(header: &Header, quality: u8) -> (ResultFormat, Option<String>) {
    let is_animated = header.frames > 1 && header.format != Format::Tiff;
    let result = if is_animated { ResultFormat::Png } else { ResultFormat::same_as(header.format, quality) };
    let differs = result.format() != header.format;
    (result, differs.then(|| format!("{} is not written here: the result is PNG", what(header, is_animated))))
}

fn what(header: &Header, is_animated: bool) -> String {
    let name = header.format.name();
    if is_animated { format!("an animated {name}") } else { name.to_owned() }
}

impl fmt::Display for WantedFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for WantedFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = match text {
            "" => "same",
            "jpg" => "jpeg",
            "tif" => "tiff",
            other => other,
        };
        let words = Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|format| format.as_str() == word);
        found.ok_or_else(|| format!("format must be one of {words}, got {text:?}"))
    }
}
