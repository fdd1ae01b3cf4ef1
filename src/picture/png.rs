//! PNG by rows, in and out.
//!
//! Owns how PNG's colour types become layouts, and that a damaged file is never taken for a whole one.
//! Holds a few rows, never the picture; text and colour profiles are not inflated.

mod reader;
mod writer;

pub use reader::{PngHeader, PngRows, read_info};
pub use writer::PngWriter;

/// PNG stores the high byte of a 16-bit sample first, rows here the low byte: both ways are the same swap.
fn swap_bytes(row: &mut [u8]) {
    row.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
}

#[cfg(test)]
mod tests;
