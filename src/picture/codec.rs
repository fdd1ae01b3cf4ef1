//! Which format is read and written how: one place for all programs.
//!
//! Owns the choice of a reader for a format found by content and of a writer for a result. What each
//! format can hold is the format's own.

mod delivery;
mod result;
mod wanted;

use std::io::{BufRead, Seek};

pub use delivery::Delivery;
pub use result::ResultFormat;
pub use wanted::{Wanted, WantedFormat};

pub use super::header::Header;
use super::jpeg::{self, JpegRows};
use super::qoi::{self, QoiRows};
use super::rows::{ReadError, RowReader};
use super::sniff::{Format, SNIFF_BYTES, sniff};
use super::unread::unread;
use super::{PictureInfo, bmp, gif, png, tiff, webp};

/// Memory for pictures that must be decoded whole, unless a setting says otherwise, in bytes.
pub const MAX_DECODE_BYTES: u64 = 512 << 20;
/// Bytes of a row that is read or written: 100,000 pixels of 8 bytes are well below it.
const MAX_ROW_BYTES: usize = 16 << 20;

/// The formats that are read, for messages.
pub const READ_FORMATS: &str = "PNG, JPEG, WebP, TIFF, GIF, BMP and QOI";

/// Why a file that begins with `start`, of which [`sniff`] makes nothing, is not read, and what to do.
pub fn refusal(start: &[u8]) -> String {
    match unread(start) {
        _ if start.is_empty() => "the file is empty: there is no picture in it".to_owned(),
        Some(what) => format!("the file is {what}, which is not read here; save it as one of {READ_FORMATS}"),
        None => format!("by its content the file is not a picture that is taken; {READ_FORMATS} are"),
    }
}

/// Whether a file that begins with `start`, of which more may come, is one that is read, or surely none: what might be text,
/// or tells what it is later than in its first bytes, is waited for up to [`SNIFF_BYTES`].
pub fn is_decided(start: &[u8]) -> bool {
    const TELLING_BYTES: usize = 16;
    let tells_later = matches!(start.first(), Some(0 | 1 | b'<' | 0xef | b' ' | b'\t' | b'\r' | b'\n'));
    start.len() >= SNIFF_BYTES || start.len() >= TELLING_BYTES && (sniff(start).is_some() || !tells_later)
}

/// Reads the header of a picture of `format`, from the start of `input`, and nothing of its pixels.
///
/// # Errors
/// If it is damaged, not supported, or must be decoded whole in more memory than `max_decode_bytes`.
pub fn read_header(format: Format, input: impl BufRead + Seek, max_decode_bytes: u64) -> Result<Header, ReadError> {
    let header = match format {
        Format::Png => png::read_header(input),
        Format::Jpeg => jpeg::read_info(input).map(jpeg::JpegHeader::into_header),
        Format::WebP => webp::read_header(input),
        Format::Tiff => tiff::read_header(input),
        Format::Gif => gif::read_header(input),
        Format::Bmp => bmp::read_header(input),
        Format::Qoi => qoi::read_header(input),
    }?;
    check_row(header.info)?;
    header.check_memory(max_decode_bytes)?;
    Ok(header)
}

/// Size and pixels only.
///
/// # Errors
/// As [`read_header`].
pub fn read_info(format: Format, input: impl BufRead + Seek, max_decode_bytes: u64) -> Result<PictureInfo, ReadError> {
    read_header(format, input, max_decode_bytes).map(|header| header.info)
}

/// Bytes of memory that decoding takes beyond a few rows, as [`Header::whole_bytes`], without a look at all the rest.
///
/// # Errors
/// As [`read_header`].
pub fn whole_bytes(format: Format, input: impl BufRead + Seek) -> Result<Option<u64>, ReadError> {
    match format {
        Format::Png => png::whole_bytes(input),
        Format::Qoi => Ok(None),
        other => read_header(other, input, u64::MAX).map(|header| header.whole_bytes),
    }
}

/// Opens a picture of `format` to be read by rows. What must be decoded whole is decoded when the first
/// row is asked for, not before.
///
/// # Errors
/// As [`read_header`].
pub fn open<R: BufRead + Seek + Send + 'static>(
    format: Format,
    input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    let rows = match format {
        Format::Png => png::open(input, max_decode_bytes)?,
        Format::Jpeg => Box::new(JpegRows::open(input, max_decode_bytes)?),
        Format::WebP => webp::open(input, max_decode_bytes)?,
        Format::Tiff => tiff::open(input, max_decode_bytes)?,
        Format::Gif => gif::open(input, max_decode_bytes)?,
        Format::Bmp => bmp::open(input, max_decode_bytes)?,
        Format::Qoi => Box::new(QoiRows::open(input)?),
    };
    check_row(rows.info())?;
    Ok(rows)
}

fn check_row(info: PictureInfo) -> Result<(), ReadError> {
    let size = info.size;
    if info.row_bytes() <= MAX_ROW_BYTES {
        return Ok(());
    }
    let text = format!("a picture of {}x{} pixels is wider than can be read", size.width, size.height);
    Err(ReadError::Header(text))
}
