//! Reading WebP, whole.

use std::io::{BufRead, Seek};

use image_webp::WebPDecoder;

use super::announced::Announced;
use super::chunks::{self, Chunks};
use super::error::describe;
use super::still;
use crate::picture::header::Header;
use crate::picture::rows::{ReadError, RowReader};
use crate::picture::sniff::Format;
use crate::picture::whole::{self, room};
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// Bytes a pixel that the decoder holds besides the samples: one frame and the canvas, or planes.
const DECODER_BYTES_PER_PIXEL: u64 = 8;
/// What `image-webp` 0.2.4 holds of a lossy picture's coded bytes: all of them in a vector that grows by doubling,
/// then a copy in partitions.
const DECODER_COPIES: u64 = 3;

/// Reads the headers of all parts.
///
/// # Errors
/// [`ReadError::Header`] if they are damaged, do not agree, or the file ends early.
pub fn read_header(mut input: impl BufRead + Seek) -> Result<Header, ReadError> {
    let chunks = chunks::read(&mut input).map_err(ReadError::Header)?;
    let info = info(&chunks);
    let held = DECODER_BYTES_PER_PIXEL * info.size.pixels() + DECODER_COPIES * chunks.coded;
    let header = Header {
        whole_bytes: Some(info.bytes() + held + chunks.first.map_or(0, still::held)),
        frames: chunks.frames,
        profile: chunks.profile,
        ..Header::new(Format::WebP, info)
    };
    Ok(header.with_metadata(chunks.metadata))
}

fn info(chunks: &Chunks) -> PictureInfo {
    let layout = if chunks.has_alpha { Layout::Rgba } else { Layout::Rgb };
    let size = chunks.canvas.unwrap_or(Size { width: 0, height: 0 });
    PictureInfo { size, format: PixelFormat { layout, depth: Depth::Eight } }
}

/// Opens a WebP, to be decoded when its first row is asked for.
///
/// # Errors
/// As [`read_header`], and if it needs more memory than `max_decode_bytes`.
pub fn open<R: BufRead + Seek + Send + 'static>(
    input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    whole::open(input, max_decode_bytes, |input| read_header(input), decode)
}

fn decode(mut input: impl BufRead + Seek, info: PictureInfo) -> Result<Vec<u8>, String> {
    let chunks = chunks::read(&mut input)?;
    if let Some(frame) = chunks.first {
        return still::decode(input, frame, info);
    }
    input.rewind().map_err(|error| error.to_string())?;
    let announced = Announced::new(input, info.format.layout.has_alpha()).map_err(|error| describe(error.into()))?;
    let mut decoder = WebPDecoder::new(announced).map_err(describe)?;
    let size = (info.size.width, info.size.height);
    if decoder.dimensions() != size || decoder.has_alpha() != info.format.layout.has_alpha() {
        return Err("its parts do not agree about size or alpha".to_owned());
    }
    let mut samples = room(info.bytes())?;
    decoder.read_image(&mut samples).map_err(describe)?;
    Ok(samples)
}
