//! What can be chosen when a JPEG is written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The quality unless another is asked for.
pub const DEFAULT_QUALITY: u8 = 90;

/// How a JPEG is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JpegSettings {
    /// Quality, 1 to 100.
    pub quality: u8,
    /// How finely colours are kept; says nothing in a gray picture.
    pub chroma: Chroma,
}

impl Default for JpegSettings {
    fn default() -> Self {
        Self { quality: DEFAULT_QUALITY, chroma: Chroma::default() }
    }
}

/// How finely a JPEG keeps colours beside brightness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chroma {
    /// At half the width and height, 4:2:0: what most JPEGs have.
    #[default]
    #[serde(rename = "420")]
    Half,
    /// At full size, 4:4:4: for coloured edges and text.
    #[serde(rename = "444")]
    Full,
}

impl Chroma {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Half => "420",
            Self::Full => "444",
        }
    }

    /// Pixels across and down that share a colour.
    pub(super) fn shared_pixels(self) -> (u8, u8) {
        match self {
            Self::Half => (2, 2),
            Self::Full => (1, 1),
        }
    }
}

impl fmt::Display for Chroma {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Chroma {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Half, Self::Full].into_iter().find(|chroma| chroma.as_str() == text);
        found.ok_or_else(|| format!("chroma must be one of 420, 444, got {text:?}"))
    }
}
