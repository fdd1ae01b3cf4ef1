//! What a picture's metadata says of the way it is to be turned, when EXIF and XMP both have a word in it.
//!
//! Owns that EXIF comes before XMP, and that what is not understood is said, never taken for upright.

use super::Turn;

/// What one block of metadata says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// Nothing.
    #[default]
    Unsaid,
    /// What makes the picture upright.
    Is(Turn),
    /// Something that is not understood, and so is neither applied nor changed; the text says so.
    Unclear(&'static str),
}

impl Orientation {
    /// The turn that is applied.
    pub fn turn(self) -> Turn {
        match self {
            Self::Is(turn) => turn,
            Self::Unsaid | Self::Unclear(_) => Turn::None,
        }
    }

    /// What counts of what EXIF and XMP say, and what the sender should know about it.
    pub(super) fn of(exif: Self, xmp: Self) -> (Self, Option<String>) {
        match (exif, xmp) {
            (Self::Unsaid, Self::Unclear(why)) | (Self::Unclear(why), _) => (exif.or(xmp), Some(why.to_owned())),
            (Self::Is(of_exif), Self::Is(of_xmp)) if of_exif != of_xmp => {
                let why = "its EXIF and its XMP disagree about its orientation: that of the EXIF is applied";
                (exif, Some(why.to_owned()))
            }
            _ => (exif.or(xmp), None),
        }
    }

    fn or(self, other: Self) -> Self {
        if self == Self::Unsaid { other } else { self }
    }
}
