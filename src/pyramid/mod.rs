//! Pyramids: a picture at half, a quarter, an eighth of its size and so on, in tiles of 256 pixels, for viewers.
//!
//! Owns the averaging, the tiles and the layout of the one file that holds them all; a level is numbered as the Deep Zoom
//! format does it, 0 being one pixel. Made while a picture's rows pass anyway, from top to bottom, holding one strip of
//! tiles a level. Knows no file system, clock, jobs or services: it takes rows and gives bytes to a writer.

mod encode;
mod halve;
mod index;
mod maker;
mod preview;
mod reader;
mod shape;
mod strip;
mod tap;

pub use encode::TileKind;
pub use maker::PyramidMaker;
pub use preview::Preview;
pub use reader::{PyramidError, PyramidReader};
pub use shape::{MOST_BYTES, Shape, TILE};
pub use tap::PyramidTap;

#[cfg(test)]
mod tests;
