//! GIF: its first frame, on the canvas that the file names.
//!
//! Owns that an animation is counted, that only its first frame is read, and that what that frame does not
//! cover is transparent. Decoded whole: a frame may be interlaced.

mod blocks;

use std::io::{BufRead, Seek};

use ::gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::header::Header;
use super::rows::{ReadError, RowReader};
use super::sniff::Format;
use super::whole::{self, room};
use super::{Depth, Layout, PictureInfo, PixelFormat, Size};
use blocks::{Blocks, Frame};

/// Reads the headers of the file and its frames, and counts these.
///
/// # Errors
/// [`ReadError::Header`] if they are damaged or the file ends early.
pub fn read_header(mut input: impl BufRead + Seek) -> Result<Header, ReadError> {
    let blocks = Blocks::read(&mut input).map_err(ReadError::Header)?;
    let info = info(&blocks);
    let canvas = info.bytes();
    let frame = u64::from(blocks.first.width) * u64::from(blocks.first.height);
    let mut header =
        Header { whole_bytes: Some(canvas + frame), frames: blocks.frames, ..Header::new(Format::Gif, info) };
    if blocks.has_comments {
        header.metadata.lose("the comments of the GIF are not kept");
    }
    Ok(header)
}

fn info(blocks: &Blocks) -> PictureInfo {
    let size = Size { width: blocks.width.into(), height: blocks.height.into() };
    let layout = if blocks.first.is_transparent || !blocks.is_covered() { Layout::Rgba } else { Layout::Rgb };
    PictureInfo { size, format: PixelFormat { layout, depth: Depth::Eight } }
}

/// Opens a GIF, to be decoded when its first row is asked for.
///
/// # Errors
/// As [`read_header`], and if it needs more memory than `max_decode_bytes`.
pub fn open<R: BufRead + Seek + Send + 'static>(
    input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    whole::open(input, max_decode_bytes, |input| read_header(input), decode)
}

fn decode(input: impl BufRead, info: PictureInfo) -> Result<Vec<u8>, String> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The buffers below are the only ones, and the header was held against the limit.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(input).map_err(describe)?;
    let frame = decoder.next_frame_info().map_err(describe)?.ok_or("there is no frame")?;
    let transparent = frame.transparent;
    let place = Frame {
        left: frame.left,
        top: frame.top,
        width: frame.width,
        height: frame.height,
        is_transparent: transparent.is_some(),
    };
    let mut indices = room(u64::from(place.width) * u64::from(place.height))?;
    decoder.read_into_buffer(&mut indices).map_err(describe)?;
    let palette = decoder.palette().map_err(describe)?;
    let mut canvas = room(info.bytes())?;
    paint(&mut canvas, info, place, &indices, &|index| {
        let start = usize::from(index) * 3;
        let color = palette.get(start..start + 3);
        // An index beyond the palette is as little there as a transparent one.
        color.filter(|_| Some(index) != transparent).map(|color| [color[0], color[1], color[2], 255])
    })?;
    Ok(canvas)
}

/// Paints the frame on the canvas, clipped to it.
fn paint(
    canvas: &mut [u8],
    info: PictureInfo,
    place: Frame,
    indices: &[u8],
    color: &dyn Fn(u8) -> Option<[u8; 4]>,
) -> Result<(), String> {
    let channels = info.format.layout.channels();
    let rows = indices.chunks_exact(usize::from(place.width).max(1));
    let columns = usize::from(place.width).min((info.size.width as usize).saturating_sub(place.left.into()));
    for (row, indices) in canvas.chunks_exact_mut(info.row_bytes()).skip(place.top.into()).zip(rows) {
        let pixels = row.chunks_exact_mut(channels).skip(place.left.into());
        for (pixel, index) in pixels.zip(&indices[..columns]) {
            match color(*index) {
                Some(color) => pixel.copy_from_slice(&color[..channels]),
                None if channels == 3 => return Err(format!("colour {index} is not in the palette")),
                None => {}
            }
        }
    }
    Ok(())
}

fn describe(error: DecodingError) -> String {
    match error {
        DecodingError::UnexpectedEof => "the file ends early".to_owned(),
        other => other.to_string().trim_end_matches('.').to_lowercase(),
    }
}

#[cfg(test)]
mod tests;
