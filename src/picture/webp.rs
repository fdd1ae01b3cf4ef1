//! WebP in, lossy and lossless, and lossless out. Both ways whole in memory: the format allows no other.
//!
//! Owns what is asked of a file before the decoder sees it: that its parts agree about their sizes and that
//! it is not cut. Only the first frame of an animation is read.

mod announced;
mod chunks;
mod error;
mod reader;
mod still;
mod writer;

pub use reader::{open, read_header};
pub use writer::{MAX_SIDE, WebpWriter, check, encoder_bytes};

#[cfg(test)]
mod tests;
