//! Opening a PNG: by rows, or whole if it is interlaced.

use std::io::{BufRead, Seek};

use png::Reader;

use super::bytes::swap_bytes;
use super::chunks::{Walk, extras};
use super::reader::{PngRows, read_info, start};
use super::transparency::MaskedGray;
use super::words::describe;
use crate::picture::header::{Header, MAX_FRAMES};
use crate::picture::rows::{ReadError, RowReader};
use crate::picture::sniff::Format;
use crate::picture::whole::{WholeRows, room};
use crate::picture::{Depth, PictureInfo};

/// Reads the header and what stands beside the pixels, from the start of `input`.
///
/// # Errors
/// As [`read_info`], and if a chunk about the picture has a wrong checksum.
pub fn read_header(mut input: impl BufRead + Seek) -> Result<Header, ReadError> {
    let png = read_info(&mut input)?;
    input.rewind().map_err(|error| ReadError::Header(error.to_string()))?;
    let extras = extras(&mut input, Walk::ToEnd).map_err(ReadError::Header)?;
    let header = Header {
        whole_bytes: held(png.interlaced, png.info),
        frames: png.frames.min(MAX_FRAMES),
        profile: extras.profile,
        colors: extras.colors,
        ..Header::new(Format::Png, png.info)
    };
    Ok(header.with_metadata(extras.metadata))
}

fn held(interlaced: bool, info: PictureInfo) -> Option<u64> {
    interlaced.then(|| info.bytes())
}

/// Bytes of memory that decoding takes beyond a few rows, by the header alone.
///
/// # Errors
/// As [`read_info`].
pub fn whole_bytes(input: impl BufRead + Seek) -> Result<Option<u64>, ReadError> {
    read_info(input).map(|png| held(png.interlaced, png.info))
}

/// Opens a PNG of any kind.
///
/// # Errors
/// As [`read_header`], and for interlaced pictures that need more memory than `max_decode_bytes`.
pub fn open<R: BufRead + Seek + Send + 'static>(
    mut input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    extras(&mut input, Walk::ToPixels).map_err(ReadError::Header)?;
    input.rewind().map_err(|error| ReadError::Header(error.to_string()))?;
    let (reader, header) = start(input)?;
    let info = header.info;
    if !header.interlaced {
        return Ok(Box::new(PngRows::new(reader, info)));
    }
    let whole = Header { whole_bytes: held(true, info), ..Header::new(Format::Png, info) };
    whole.check_memory(max_decode_bytes)?;
    Ok(Box::new(WholeRows::new(Format::Png, info, Box::new(move || decode(reader, info)))))
}

fn decode<R: BufRead + Seek>(mut reader: Reader<R>, info: PictureInfo) -> Result<Vec<u8>, String> {
    let mut samples = room(info.bytes())?;
    reader.next_frame(&mut samples).map_err(|error| describe(&error))?;
    reader.finish().map_err(|error| describe(&error))?;
    MaskedGray::of(reader.info()).apply(&mut samples);
    if info.format.depth == Depth::Sixteen {
        swap_bytes(&mut samples);
    }
    Ok(samples)
}
