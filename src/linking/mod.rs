//! Joining what crosses seams: the part of an operation that no halo is wide enough for.
//!
//! A kernel of [`Kind::GlobalLinking`](crate::operation::Kind::GlobalLinking) makes a *map* of its tile: each
//! pixel is [`NONE`], [`WEAK`] or [`STRONG`]. In the result a pixel is white if it is strong, or weak and joined
//! to a strong one by weak and strong neighbours (8 around each), however far away; all others are black. The
//! kernel has settled what touches no seam of its tile, so weak pixels of a map are on a piece that does.
//!
//! Rows of maps go through twice, from the top to the bottom and in the same strips:
//!
//! 1. [`Linker::add`] joins the pieces of each strip and notes on a *spill*, a file that can be read and
//!    written at any place, which of those at its bottom are one.
//! 2. [`Linker::finish`] reads the notes from the bottom to the top, so that each knows what lies below it.
//! 3. [`Settler::settle`] gets the same strips again and makes them the rows of the result.
//!
//! A strip is any number of whole rows: a row of tiles, or a band. Cost: memory of a few times the width,
//! plus at most 12 bytes a pixel of a part of [`PART_PIXELS`] (strips are cut into such parts); on the spill 4 bytes
//! for each piece at the bottom of a part.
//!
//! Knows no files, tiles or jobs; opens nothing. Checks what it reads from the spill.
//!
//! # Source
//! The components are joined by `imageproc`'s disjoint sets; its own labelling of regions and its Canny need the
//! whole picture in memory.

mod flood;
mod forward;
mod runs;
mod settler;
mod spill;

pub(crate) use flood::Plane;
pub use forward::Linker;
pub use settler::Settler;

/// No edge.
pub const NONE: u8 = 0;
/// An edge if it is joined to a strong one.
pub const WEAK: u8 = 1;
/// An edge.
pub const STRONG: u8 = 2;

/// Pixels of a part of a strip, unless one row has more.
pub const PART_PIXELS: usize = 1 << 20;

/// Why maps cannot be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A strip is not whole rows of the picture.
    #[error("linking a strip of {actual} bytes, which is not whole rows of {row_bytes}")]
    Rows {
        /// Bytes of a row.
        row_bytes: usize,
        /// What was given.
        actual: usize,
    },
    /// The second time the strips were others than the first.
    #[error("settling other strips than those that were added")]
    Strips,
    /// What was read from the spill is not what was written.
    #[error("reading the notes of the pieces: they are damaged")]
    Damaged,
    /// The spill cannot be read or written.
    #[error("keeping the notes of the pieces")]
    Spill(#[from] std::io::Error),
}

/// The rows of maps: their width, and how far it is from one pixel to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    width: usize,
    /// Bytes of a pixel: 1, or 2 with alpha, which stays as it is.
    step: usize,
}

impl Shape {
    fn row_bytes(self) -> usize {
        self.width * self.step
    }

    /// The parts of a strip.
    fn parts(self, strip: &[u8]) -> Result<impl Iterator<Item = &[u8]>, LinkError> {
        self.check(strip)?;
        Ok(strip.chunks(self.part_bytes()))
    }

    fn check(self, strip: &[u8]) -> Result<(), LinkError> {
        let row_bytes = self.row_bytes();
        if row_bytes == 0 || strip.is_empty() || !strip.len().is_multiple_of(row_bytes) {
            return Err(LinkError::Rows { row_bytes, actual: strip.len() });
        }
        Ok(())
    }

    fn part_bytes(self) -> usize {
        self.row_bytes() * (PART_PIXELS / self.width.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests;
