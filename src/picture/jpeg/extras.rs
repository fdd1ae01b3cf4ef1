//! The segments of a JPEG that mean something here: EXIF, XMP, ICC and comments.
//!
//! Owns how a profile is put together from its parts. Sources: CIPA DC-008 (APP1), ICC.1 annex B.4 (APP2).

use crate::picture::exif;
use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::metadata::{MAX_EXIF_BYTES, Metadata};

/// Parts of a profile at most: their number is a byte.
const MAX_PARTS: usize = 255;
const ICC_NAME: &[u8] = b"ICC_PROFILE\0";
pub(super) const EXIF_NAME: &[u8] = b"Exif\0\0";
pub(super) const XMP_NAME: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const MORE_XMP_NAME: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

/// What stands in the application segments.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) metadata: Metadata,
    /// The EXIF block, which goes on in further segments where it is larger than one.
    exif: Vec<u8>,
    parts: Vec<(u8, Vec<u8>)>,
    part_bytes: usize,
}

impl Extras {
    /// Whether segments behind `marker` are looked at.
    pub(super) fn wants(marker: u8) -> bool {
        matches!(marker, 0xE1 | 0xE2 | 0xFE)
    }

    /// Takes a segment.
    pub(super) fn take(&mut self, marker: u8, segment: &[u8]) {
        match marker {
            0xE1 if segment.starts_with(EXIF_NAME) => self.take_exif(exif::without_name(segment)),
            0xE1 if segment.starts_with(MORE_XMP_NAME) => {
                self.metadata.lose("its XMP is larger than a segment, of it the first part is kept");
            }
            0xE1 => segment.strip_prefix(XMP_NAME).into_iter().for_each(|packet| self.metadata.take_xmp(packet)),
            0xFE => self.metadata.take_text(segment),
            0xE2 => self.take_part(segment),
            _ => {}
        }
    }

    fn take_exif(&mut self, block: &[u8]) {
        let is_another = !self.exif.is_empty() && exif::begins(block);
        if is_another {
            if !self.exif.starts_with(block) {
                self.metadata.remark("it has more than one EXIF block: the first is used");
            }
        } else if self.exif.len() <= MAX_EXIF_BYTES {
            self.exif.extend_from_slice(block);
        }
    }

    /// Ends the block of EXIF.
    pub(super) fn settle(&mut self) {
        let block = std::mem::take(&mut self.exif);
        self.metadata.take_exif(block.get(..=MAX_EXIF_BYTES).unwrap_or(&block));
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
