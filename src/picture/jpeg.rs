//! JPEG by scanlines, in and out, with libjpeg-turbo's samples.
//!
//! Owns what of JPEG is read, and that damaged data is an error although the C library would go on with
//! gray. Baseline pictures need a few rows of memory; those of several scans hold all coefficients, which
//! the header tells beforehand ([`JpegHeader::whole_bytes`]).

mod entropy;
mod errors;
mod extras;
mod frame;
mod header;
mod huffman;
mod inks;
mod reader;
mod runs;
mod scan;
mod settings;
mod writer;

pub use header::{JpegHeader, read_info};
pub use reader::JpegRows;
pub use settings::{Chroma, DEFAULT_QUALITY, JpegSettings};
pub use writer::{JpegWriter, MAX_SIDE, encode};

#[cfg(test)]
mod tests;
