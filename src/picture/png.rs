//! PNG by rows, in and out.
//!
//! Owns how PNG's colour types become layouts, and that a damaged file is never taken for a whole one.
//! Holds a few rows; the picture only if it is interlaced, whose header tells so beforehand. A profile,
//! XMP and EXIF are inflated up to their limits, other text is not.

mod chunks;
mod profiles;
mod reader;
mod transparency;
mod whole;
mod words;
mod writer;
mod zlib;

pub use reader::{PngHeader, PngRows, read_info};
pub use whole::{open, read_header, whole_bytes};
pub use writer::PngWriter;

/// PNG stores the high byte of a 16-bit sample first, rows here the low byte: both ways are the same swap.
fn swap_bytes(row: &mut [u8]) {
    row.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
}

#[cfg(test)]
mod tests;
