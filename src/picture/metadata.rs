//! What a picture has besides its pixels and its profile: EXIF, XMP and text. Dropped unless the sender wants it kept.
//!
//! Owns how much is kept, which result has a place for it, and that what is kept is true of the result: the orientation
//! in it says upright, for it was applied, and no thumbnail shows what the operations changed. Inflates nothing.

use std::fmt;
use std::str::FromStr;

use super::orientation::Orientation;
use super::sniff::Format;
use super::{exif, xmp};

/// The largest EXIF block that is kept, in bytes: what a segment of a JPEG has room for.
pub const MAX_EXIF_BYTES: usize = 65_527;
/// The largest XMP packet that is kept, in bytes: what a segment of a JPEG has room for.
pub const MAX_XMP_BYTES: usize = 65_502;
/// All text that is kept, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// Whether a result has its picture's metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataPolicy {
    /// It has none: neither places nor names travel with a result.
    #[default]
    Drop,
    /// It has what its format has a place for.
    Keep,
}

impl MetadataPolicy {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}

impl fmt::Display for MetadataPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for MetadataPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Drop, Self::Keep].into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| format!("metadata must be one of drop, keep, got {text:?}"))
    }
}

/// What is written beside a result's pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The colour profile.
    pub icc: Option<Vec<u8>>,
    /// The EXIF block, in the form of a TIFF file.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub xmp: Option<Vec<u8>>,
    /// Texts as the result's format has them: chunks of a PNG that begin with their type, comments of a JPEG.
    pub texts: Vec<Vec<u8>>,
    /// Chunks of a PNG that say what its colours are, each with its type before its data.
    pub colors: Vec<Vec<u8>>,
}

impl Kept {
    /// Nothing.
    pub const NONE: Self = Self { icc: None, exif: None, xmp: None, texts: Vec::new(), colors: Vec::new() };

    /// A colour profile alone.
    pub fn profile(icc: Vec<u8>) -> Self {
        Self { icc: Some(icc), ..Self::NONE }
    }
}

/// What was found in a picture, each within its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    texts: Vec<Vec<u8>>,
    text_bytes: usize,
    /// What is there and is not kept whatever the result.
    lost: Vec<&'static str>,
    has_exif: bool,
    has_xmp: bool,
    by_exif: Orientation,
    by_xmp: Orientation,
    /// What the sender should know, whether metadata is kept or not.
    remarks: Vec<String>,
}

impl Metadata {
    /// Takes an EXIF block with or without the word `Exif`; of one that is too long [`MAX_EXIF_BYTES`] and one more. Of
    /// several the first counts, as other programs have it.
    pub(super) fn take_exif(&mut self, block: &[u8]) {
        let block = exif::without_name(block);
        if block.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.has_exif, true) {
            if self.exif.as_deref() != Some(block) {
                self.remark("it has more than one EXIF block: the first is used");
            }
            return;
        }
        self.by_exif = exif::orientation(block);
        match block.len() {
            ..=MAX_EXIF_BYTES => self.exif = Some(block.to_owned()),
            _ => self.lose("its EXIF is larger than 65527 bytes and is not kept"),
        }
    }

    /// Takes an XMP packet; of one that is too long [`MAX_XMP_BYTES`] and one more. Of several the first counts.
    pub(super) fn take_xmp(&mut self, packet: &[u8]) {
        if packet.is_empty() {
            return;
        }
        if self.look_at_xmp(packet) {
            match packet.len() {
                ..=MAX_XMP_BYTES => self.xmp = Some(packet.to_owned()),
                _ => self.lose("its XMP is larger than 65502 bytes and is not kept"),
            }
        } else if self.xmp.as_deref() != Some(packet) {
            self.lose("it has more than one XMP packet, of which the first is kept");
        }
    }

    /// Takes of an XMP packet, or of its start, the orientation alone; `false` if there was a packet before.
    pub(super) fn look_at_xmp(&mut self, packet: &[u8]) -> bool {
        let is_first = !std::mem::replace(&mut self.has_xmp, true);
        if is_first {
            self.by_xmp = xmp::orientation(packet);
        }
        is_first
    }

    /// Takes what a format of its own words says, in the place of EXIF.
    pub(super) fn take_orientation(&mut self, said: Orientation) {
        self.by_exif = said;
    }

    /// Whether EXIF was taken.
    pub(super) fn has_exif(&self) -> bool {
        self.has_exif
    }

    /// Whether XMP was taken.
    pub(super) fn has_xmp(&self) -> bool {
        self.has_xmp
    }

    /// What all of it says of the way the picture is to be turned.
    pub(super) fn orientation(&self) -> Orientation {
        Orientation::of(self.by_exif, self.by_xmp).0
    }

    /// Takes note of something that the sender should know whatever is kept.
    pub(super) fn remark(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.remarks.contains(&what) {
            self.remarks.push(what);
        }
    }

    /// What the sender should know whatever is kept.
    pub(super) fn remarks(&self) -> Vec<String> {
        let of_orientation = Orientation::of(self.by_exif, self.by_xmp).1;
        self.remarks.iter().cloned().chain(of_orientation).collect()
    }

    /// Takes a text as the picture's format has it.
    pub(super) fn take_text(&mut self, text: &[u8]) {
        self.text_bytes = self.text_bytes.saturating_add(text.len().max(1));
        if self.text_bytes <= MAX_TEXT_BYTES {
            self.texts.push(text.to_owned());
        } else {
            self.lose("its texts are longer than 65536 bytes together and are not kept");
        }
    }

    /// Takes note of what is not kept: a text for the sender.
    pub(super) fn lose(&mut self, what: &'static str) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    /// Adds to `kept` what a picture of the format `from` keeps in a result of the format `to`; gives what it does not.
    pub fn keep(&self, from: Format, to: Format, kept: &mut Kept) -> Vec<String> {
        let mut notices: Vec<String> = self.lost.iter().map(|&lost| lost.to_owned()).collect();
        if let Some(block) = &self.exif {
            match exif::for_result(block) {
                _ if to == Format::Tiff => notices.push("its EXIF is not kept in a TIFF".to_owned()),
                Some(block) => kept.exif = Some(block),
                None => notices.push("its EXIF is damaged and is not kept".to_owned()),
            }
        }
        let upright = matches!(self.orientation(), Orientation::Is(_));
        match self.xmp.as_deref().map(|packet| xmp::for_result(packet, upright)) {
            Some(Ok(packet)) => kept.xmp = Some(packet),
            Some(Err(why)) => notices.push(why.to_owned()),
            None => {}
        }
        if self.text_bytes > MAX_TEXT_BYTES || self.texts.is_empty() {
            return notices;
        }
        if from == to {
            kept.texts.clone_from(&self.texts);
        } else {
            notices.push(format!("the texts of a {} are not kept in a {}", from.name(), to.name()));
        }
        notices
    }
}

#[cfg(test)]
mod tests;
