//! The application segments of a JPEG that mean something here: EXIF, ICC and Adobe's.
//!
//! Owns how a profile is put together from its parts. Sources: CIPA DC-008 (APP1), ICC.1 annex B.4 (APP2),
//! Adobe technical note 5116 (APP14).

use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::{Turn, exif};

/// Parts of a profile at most: their number is a byte.
const MAX_PARTS: usize = 255;
const ICC_NAME: &[u8] = b"ICC_PROFILE\0";

/// What stands in the application segments.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) orientation: Option<Turn>,
    /// Adobe's segment is there: CMYK samples are stored inverted.
    pub(super) adobe: bool,
    parts: Vec<(u8, Vec<u8>)>,
    part_bytes: usize,
}

impl Extras {
    /// Whether segments behind `marker` are looked at.
    pub(super) fn wants(marker: u8) -> bool {
        matches!(marker, 0xE1 | 0xE2 | 0xEE)
    }

    /// Takes a segment.
    pub(super) fn take(&mut self, marker: u8, segment: &[u8]) {
        match marker {
            0xE1 if segment.starts_with(b"Exif\0\0") && self.orientation.is_none() => {
                self.orientation = exif::orientation(segment);
            }
            0xE2 => self.take_part(segment),
            0xEE if segment.starts_with(b"Adobe") => self.adobe = true,
            _ => {}
        }
    }

    fn take_part(&mut self, segment: &[u8]) {
        if let Some([number, _, part @ ..]) = segment.strip_prefix(ICC_NAME) {
            self.part_bytes += part.len();
            if self.part_bytes <= MAX_ICC_BYTES && self.parts.len() < MAX_PARTS {
                self.parts.push((*number, part.to_owned()));
            }
        }
    }

    /// The profile that the parts make, in the order of their numbers.
    pub(super) fn profile(&mut self) -> Profile {
        if self.part_bytes > MAX_ICC_BYTES {
            return Profile::too_large();
        }
        self.parts.sort_by_key(|(number, _)| *number);
        Profile::new(self.parts.drain(..).flat_map(|(_, part)| part).collect())
    }
}
