//! Pictures as samples: sizes, layouts and depths, and readers and writers by rows.
//!
//! Owns what a picture is and how formats are read and written a row at a time. Knows nothing of
//! operations, tiles, files or services: readers take any `BufRead + Seek`, writers any `Write`.

pub mod bmp;
pub mod codec;
pub mod colorimetry;
pub mod exif;
pub mod format;
pub mod gif;
pub mod header;
pub mod icc;
pub mod jpeg;
mod margins;
pub mod metadata;
pub mod orientation;
pub mod pixels;
pub mod png;
pub mod qoi;
pub mod raw;
pub mod rows;
pub mod sniff;
#[cfg(test)]
pub(crate) mod testing;
pub mod tiff;
mod turn;
mod turned;
pub mod unread;
pub mod webp;
mod whole;
mod xmp;

pub use format::{Depth, Layout, PictureInfo, PixelFormat, Rect, Size};
pub use margins::Margins;
pub use pixels::{Pixels, Samples};
pub use rows::{ReadError, RowReader, RowWriter, WriteError};
pub use turn::Turn;
