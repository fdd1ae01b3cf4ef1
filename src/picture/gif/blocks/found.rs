//! What was found in a GIF, settled once the walk has ended: one picture in pieces, or the first of several.

use super::{Blocks, MAX_PIECES};
use crate::picture::gif::pieces::{self, Image};

const TEXTS: &str =
    "it has texts that are to be drawn by the reader (plain text extension): they are not in the result";
const UNCOVERED: &str = "its image does not cover all of it: the rest is transparent";
const ZEROS: &str = "it has bytes between its parts that belong to nothing; they were skipped";
const NO_END: &str = "it has no end mark: what came before it was read";
const CUT: &str = "it is cut or damaged behind its first image, which was read";

/// How the walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the mark, or after as many frames as are counted.
    Marked,
    /// Behind a whole block.
    Unmarked,
    /// Within a block, or at something that is not a block.
    Damaged,
}

/// What was found on the way.
#[derive(Default)]
pub(super) struct Found {
    pub(super) head: Vec<u8>,
    /// The images so far, the last of which may be cut, up to one more than may be pieces.
    pub(super) images: Vec<Image>,
    pub(super) frames: u32,
    /// Something says that images come one after the other in time.
    pub(super) is_animated: bool,
    pub(super) has_comments: bool,
    pub(super) has_profile: bool,
    pub(super) has_xmp: bool,
    pub(super) has_zeros: bool,
    pub(super) has_texts: bool,
}

impl Found {
    /// What that makes, or why it is no picture.
    pub(super) fn settle(self, ended: End) -> Result<Blocks, String> {
        let mut remarks = Vec::new();
        let (mut pieces, mut frames) = (self.images, self.frames);
        if !self.is_animated && pieces.len() <= MAX_PIECES && pieces::are_apart(&pieces) && pieces.len() > 1 {
            if ended == End::Damaged {
                return Err(format!("the GIF ends early, within piece {} of its picture", frames + 1));
            }
            remarks.push("its picture is made of several images, which were put together");
            frames = 1;
        }
        if frames > 1 || ended == End::Damaged {
            pieces.truncate(1);
        }
        remarks.extend(self.has_zeros.then_some(ZEROS));
        remarks.extend(self.has_texts.then_some(TEXTS));
        match ended {
            End::Marked => {}
            End::Unmarked => remarks.push(NO_END),
            End::Damaged => remarks.push(CUT),
        }
        let &[_, _, _, _, _, _, w0, w1, h0, h1, ..] = &self.head[..] else { return Err("no GIF start".to_owned()) };
        let [width, height] = [[w0, w1], [h0, h1]].map(|side| u32::from(u16::from_le_bytes(side)));
        // Other readers make the canvas as large as its first image, too.
        let width = pieces.iter().map(Image::right).fold(width, u32::max);
        let height = pieces.iter().map(Image::bottom).fold(height, u32::max);
        if pieces.is_empty() {
            return Err("a GIF without an image".to_owned());
        }
        if width == 0 || height == 0 || pieces.iter().any(|piece| piece.area() == 0) {
            return Err("a GIF with a side of 0 pixels".to_owned());
        }
        let (head, has_comments, has_profile, has_xmp) = (self.head, self.has_comments, self.has_profile, self.has_xmp);
        let mut blocks = Blocks { width, height, head, pieces, frames, has_comments, has_profile, has_xmp, remarks };
        if !blocks.is_covered() {
            blocks.remarks.push(UNCOVERED);
        }
        Ok(blocks)
    }
}
