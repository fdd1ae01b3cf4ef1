//! What a sender can ask of a result besides its pixels.
//!
//! Owns the words of the API and which of them belong together. Knows no picture but by its header.

use std::fmt;
use std::str::FromStr;

use super::{Header, ResultFormat};
use crate::picture::jpeg::{Chroma, JpegSettings};
use crate::picture::metadata::MetadataPolicy;
use crate::picture::sniff::Format;

/// What is asked for; what is not asked for is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The format.
    pub format: WantedFormat,
    /// Quality of a JPEG, 1 to 100; other formats refuse it.
    pub quality: Option<u8>,
    /// How finely a JPEG keeps colours; other formats refuse it.
    pub chroma: Option<Chroma>,
    /// Whether the picture's metadata goes with it.
    pub metadata: MetadataPolicy,
}

impl Wanted {
    /// The result's format for a picture with `header`, and what the sender should know about the choice.
    ///
    /// # Errors
    /// If something was asked for that this format has not.
    pub fn resolve(&self, header: &Header) -> Result<(ResultFormat, Option<String>), String> {
        let usual = JpegSettings::default();
        let quality = self.quality.unwrap_or(usual.quality);
        let jpeg = JpegSettings { quality, chroma: self.chroma.unwrap_or(usual.chroma) };
        let (format, choice) = self.format.resolve(header, jpeg);
        if format.jpeg().is_none() {
            self.check_jpeg_alone(format.format().name())?;
        }
        Ok((format, choice))
    }

    /// What can be said before the picture is known: whether the settings go with the format that is named.
    ///
    /// # Errors
    /// If something was asked for that this format has not.
    pub fn check(&self) -> Result<(), String> {
        match self.format {
            WantedFormat::Same | WantedFormat::Jpeg => Ok(()),
            WantedFormat::Png => self.check_jpeg_alone(Format::Png.name()),
            WantedFormat::Webp => self.check_jpeg_alone(Format::WebP.name()),
            WantedFormat::Tiff => self.check_jpeg_alone(Format::Tiff.name()),
        }
    }

    fn check_jpeg_alone(&self, result: &str) -> Result<(), String> {
        let given = [("quality", self.quality.is_some()), ("chroma", self.chroma.is_some())];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((name, _)) => {
                Err(format!("{name} is a setting of JPEG and the result is {result}: leave it out or choose jpeg"))
            }
        }
    }
}

/// The formats that can be asked for.
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

    fn resolve(self, header: &Header, jpeg: JpegSettings) -> (ResultFormat, Option<String>) {
        match self {
            Self::Same => same(header, jpeg),
            Self::Png => (ResultFormat::Png, None),
            Self::Jpeg => (ResultFormat::Jpeg(jpeg), None),
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

fn same(header: &Header, jpeg: JpegSettings) -> (ResultFormat, Option<String>) {
    let is_animated = header.frames > 1 && header.format != Format::Tiff;
    let result = if is_animated { ResultFormat::Png } else { ResultFormat::same_as(header.format, jpeg) };
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
