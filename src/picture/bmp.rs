//! Windows bitmaps, by rows in either direction; run-length coded ones whole.
//!
//! Owns the format's kinds: 1 to 32 bit, palettes, masks of bits, rows from below and from above. Source:
//! Microsoft's *Bitmap Storage* (BITMAPCOREHEADER to BITMAPV5HEADER).

mod colors;
mod header;
mod rle;
mod rows;

use std::io::{BufRead, Seek};

use super::header::Header;
use super::rows::{ReadError, RowReader};
use super::sniff::Format;
use super::whole::WholeRows;
use header::{Bitmap, Coding};
use rows::BmpRows;

/// Reads the header and the palette.
///
/// # Errors
/// [`ReadError::Header`] if it is damaged, or for kinds that are not read: it names them.
pub fn read_header(mut input: impl BufRead + Seek) -> Result<Header, ReadError> {
    let bitmap = Bitmap::read(&mut input).map_err(ReadError::Header)?;
    let profile = bitmap.profile(&mut input);
    let mut header = Header { profile, ..describe(&bitmap) };
    if bitmap.is_calibrated() {
        let text = "its colour information (gamma, primaries) is not kept: its colours may look different";
        header.colors.lose(text.to_owned());
    }
    Ok(header)
}

fn describe(bitmap: &Bitmap) -> Header {
    let whole_bytes = (bitmap.coding != Coding::Plain).then(|| bitmap.info().bytes());
    Header { whole_bytes, ..Header::new(Format::Bmp, bitmap.info()) }
}

/// Opens a bitmap of any kind.
///
/// # Errors
/// As [`read_header`], and if it needs more memory than `max_decode_bytes`.
pub fn open<R: BufRead + Seek + Send + 'static>(
    mut input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    let bitmap = Bitmap::read(&mut input).map_err(ReadError::Header)?;
    describe(&bitmap).check_memory(max_decode_bytes)?;
    if bitmap.coding == Coding::Plain {
        return Ok(Box::new(BmpRows::new(input, bitmap)));
    }
    let info = bitmap.info();
    let decode = move || rle::decode(input, &bitmap);
    Ok(Box::new(WholeRows::new(Format::Bmp, info, Box::new(decode))))
}

#[cfg(test)]
mod tests;
