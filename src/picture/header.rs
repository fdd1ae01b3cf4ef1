//! What a picture's header says: enough to plan a job and to ask for memory, before anything is decoded.
//!
//! Owns what is said to the sender of what a result will not have. Reads nothing itself.

use super::colorimetry::Colorimetry;
use super::icc::Profile;
use super::metadata::Metadata;
use super::rows::ReadError;
use super::sniff::Format;
use super::{Layout, PictureInfo, Turn};

/// Frames or pages that are counted; a file with more is said to have as many or more.
pub const MAX_FRAMES: u32 = 10_000;

/// What a picture's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its format, by content.
    pub format: Format,
    /// Size and pixels, as the rows will come: not turned, palettes expanded, CMYK as RGB.
    pub info: PictureInfo,
    /// What makes the rows upright.
    pub orientation: Turn,
    /// What it says of its colours besides a profile.
    pub colors: Colorimetry,
    /// Bytes of memory that decoding takes beyond a few rows; `None` if it takes no more.
    pub whole_bytes: Option<u64>,
    /// Frames or pages, counted up to [`MAX_FRAMES`]; only the first is read.
    pub frames: u32,
    /// Its colour profile.
    pub profile: Profile,
    /// What else it has.
    pub metadata: Metadata,
}

impl Header {
    /// The header of a picture with one frame, upright, read by rows, without a profile.
    pub(super) fn new(format: Format, info: PictureInfo) -> Self {
        let (orientation, metadata) = (Turn::default(), Metadata::default());
        let (colors, profile) = (Colorimetry::default(), Profile::None);
        Self { format, info, orientation, colors, whole_bytes: None, frames: 1, profile, metadata }
    }

    /// The header with what was found beside the pixels, which tells how they are turned.
    pub(super) fn with_metadata(self, metadata: Metadata) -> Self {
        Self { orientation: metadata.orientation().turn(), metadata, ..self }
    }

    /// Whether decoding keeps to `max_decode_bytes`.
    ///
    /// # Errors
    /// [`ReadError::Header`] that names both numbers and what to do.
    pub fn check_memory(&self, max_decode_bytes: u64) -> Result<(), ReadError> {
        let needed = self.whole_bytes.unwrap_or(0);
        if needed <= max_decode_bytes {
            return Ok(());
        }
        let remedy = match self.format {
            Format::Png => "save it without interlacing",
            Format::Jpeg => "save it as a baseline JPEG",
            Format::Tiff => "save it in strips or in smaller tiles",
            _ => "save it as PNG",
        };
        Err(ReadError::Header(format!(
            "decoding this {} needs {needed} bytes of memory, max_decode_bytes is {max_decode_bytes}; {remedy}",
            self.format.name()
        )))
    }

    /// What a result of `layout` does not have of this picture, for the sender to read.
    pub fn notices(&self, layout: Layout) -> Vec<String> {
        let mut notices = Vec::new();
        if self.frames > 1 {
            let (kind, parts) = if self.format == Format::Tiff { ("pages", "pages") } else { ("animated", "frames") };
            let more = if self.frames >= MAX_FRAMES { " or more" } else { "" };
            notices.push(format!("{kind}: the result is the first of {}{more} {parts}", self.frames));
        }
        notices.extend(self.metadata.remarks());
        notices.extend(self.profile.keep_for(layout).err());
        notices
    }
}
