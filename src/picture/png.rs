//! PNG by rows, in and out.
//!
//! Owns how PNG's colour types become layouts, and that a damaged file is never taken for a whole one.
//! Holds a few rows; the picture only if it is interlaced, whose header tells so beforehand. A profile,
//! XMP and EXIF are inflated up to their limits, other text is not.

mod bytes;
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

#[cfg(test)]
mod tests;
