//! Which format is read and written how: one place for all programs.
//!
//! Owns the choice of a reader for a format found by content and of a writer for a result. What each
//! format can hold is the format's own.

use std::fmt;
use std::io::{BufRead, Seek, Write};
use std::str::FromStr;

use super::PictureInfo;
use super::jpeg::{self, JpegRows, JpegWriter};
use super::png::{self, PngRows, PngWriter};
use super::rows::{ReadError, RowReader, RowWriter, WriteError};
use super::sniff::Format;

/// Memory for pictures that must be decoded whole, unless a setting says otherwise, in bytes.
pub const MAX_DECODE_BYTES: u64 = 512 << 20;

/// Reads the header of a picture of `format` only.
///
/// # Errors
/// If it is damaged, not supported, or must be decoded whole in more memory than `max_decode_bytes`.
pub fn read_info(format: Format, input: impl BufRead + Seek, max_decode_bytes: u64) -> Result<PictureInfo, ReadError> {
    match format {
        Format::Png => {
            let header = png::read_info(input)?;
            if header.interlaced {
                let text = "interlaced PNG (Adam7) is not supported; save the picture without interlacing";
                return Err(ReadError::Header(text.to_owned()));
            }
            Ok(header.info)
        }
        Format::Jpeg => {
            let header = jpeg::read_info(input)?;
            header.check_memory(max_decode_bytes)?;
            Ok(header.info)
        }
        other => Err(not_read(other)),
    }
}

/// Opens a picture of `format` to be read by rows.
///
/// # Errors
/// As [`read_info`].
pub fn open<R: BufRead + Seek + Send + 'static>(
    format: Format,
    input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    match format {
        Format::Png => Ok(Box::new(PngRows::open(input)?)),
        Format::Jpeg => Ok(Box::new(JpegRows::open(input, max_decode_bytes)?)),
        other => Err(not_read(other)),
    }
}

fn not_read(format: Format) -> ReadError {
    ReadError::Header(format!("{} is not a format that is read here; PNG and JPEG are", format.name()))
}

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
}

impl ResultFormat {
    /// The result's format for a picture that came as `input`, when the sender asked for the same.
    pub fn same_as(input: Format, quality: u8) -> Self {
        if input == Format::Jpeg { Self::Jpeg { quality } } else { Self::Png }
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
        }
    }

    /// Whether the format has pictures of `info`.
    ///
    /// # Errors
    /// What is in the way, and which formats take it.
    pub fn check(self, info: PictureInfo) -> Result<(), String> {
        match self {
            Self::Png => Ok(()),
            Self::Jpeg { .. } => JpegWriter::<Vec<u8>>::check(info),
        }
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
        match self {
            Self::Png => Ok(Box::new(PngWriter::new(out, info)?)),
            Self::Jpeg { quality } => Ok(Box::new(JpegWriter::new(out, info, quality)?)),
        }
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
}

impl WantedFormat {
    /// The result's format for a picture that came as `input`.
    pub fn resolve(self, input: Format, quality: u8) -> ResultFormat {
        match self {
            Self::Same => ResultFormat::same_as(input, quality),
            Self::Png => ResultFormat::Png,
            Self::Jpeg => ResultFormat::Jpeg { quality },
        }
    }

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }
}

impl fmt::Display for WantedFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for WantedFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "same" => Ok(Self::Same),
            "png" => Ok(Self::Png),
            "jpeg" | "jpg" => Ok(Self::Jpeg),
            other => Err(format!("format must be one of same, png, jpeg, got {other:?}")),
        }
    }
}
