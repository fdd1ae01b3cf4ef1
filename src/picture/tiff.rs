//! TIFF and BigTIFF: in by strips and by rows of tiles, out by strips.
//!
//! Owns which kinds are read (gray, palette and RGB of 1 to 16 bit, alpha; plain, PackBits, LZW, deflate);
//! others are refused by name. Strips are decoded as their rows are asked for, whatever their size; of a
//! tiled picture one row of tiles is held, which the header tells beforehand. Source: TIFF 6.0; the BigTIFF
//! design; Adobe's TIFF technical notes on deflate and predictors.

mod fields;
mod ifd;
mod inflate;
mod layout;
mod pages;
mod rows;
mod samples;
mod tiles;
mod writer;

use std::io::{BufRead, Seek};

use super::header::Header;
use super::rows::{ReadError, RowReader};
use super::sniff::Format;
use ifd::Source;
use layout::{Chunks, Layout};
pub use writer::TiffWriter;

/// Reads the directory of the picture, and counts the others.
///
/// # Errors
/// [`ReadError::Header`] if it is damaged, or for kinds that are not read: it names them.
pub fn read_header(input: impl BufRead + Seek) -> Result<Header, ReadError> {
    let mut source = Source::open(input).map_err(ReadError::Header)?;
    let layout = Layout::read(&mut source).map_err(ReadError::Header)?;
    let frames = source.count_directories();
    let described = describe(&layout);
    let Layout { profile, colors, metadata, has_other_page, .. } = layout;
    // Of which page the result is, was said where it was chosen.
    let frames = if has_other_page { 1 } else { frames };
    Ok(Header { frames, profile, colors, ..described }.with_metadata(metadata))
}

fn describe(layout: &Layout) -> Header {
    let whole_bytes = match layout.chunks {
        Chunks::Strips { .. } => None,
        Chunks::Tiles { height, .. } => {
            let rows = u64::from(height.min(layout.info.size.height));
            Some(rows.saturating_mul(layout.info.row_bytes() as u64))
        }
    };
    Header { whole_bytes, ..Header::new(Format::Tiff, layout.info) }
}

/// Opens a TIFF.
///
/// # Errors
/// As [`read_header`], and if a row of tiles needs more memory than `max_decode_bytes`.
pub fn open<R: BufRead + Seek + Send + 'static>(
    input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    let mut source = Source::open(input).map_err(ReadError::Header)?;
    let layout = Layout::read(&mut source).map_err(ReadError::Header)?;
    describe(&layout).check_memory(max_decode_bytes)?;
    Ok(match layout.chunks {
        Chunks::Strips { .. } => Box::new(rows::StripRows::new(source, layout)),
        Chunks::Tiles { .. } => Box::new(tiles::TileRows::new(source, layout)),
    })
}

#[cfg(test)]
mod tests;
