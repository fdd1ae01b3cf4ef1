//! GIF: its first frame, on the canvas that the file names.
//!
//! Owns that an animation is counted, that only its first frame is read, that images which are pieces of one picture are
//! put together, and that what they do not cover is transparent. Decoded whole: a frame may be interlaced.

mod blocks;
mod pieces;

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};

use ::gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::header::Header;
use super::rows::{ReadError, RowReader};
use super::sniff::Format;
use super::whole::{WholeRows, room};
use super::{Depth, Layout, PictureInfo, PixelFormat, Size};
use blocks::Blocks;
use pieces::Image;

/// What ends an image, which may have lost its own end, and the block that ends a file.
const END: &[u8] = b"\0;";

/// Reads the headers of the file and its frames, and counts these.
///
/// # Errors
/// [`ReadError::Header`] if they are damaged or the file ends within its first frame.
pub fn read_header(mut input: impl BufRead + Seek) -> Result<Header, ReadError> {
    let blocks = Blocks::read(&mut input).map_err(ReadError::Header)?;
    let mut header = describe_blocks(&blocks);
    if blocks.has_comments {
        header.metadata.lose("the comments of the GIF are not kept");
    }
    if blocks.has_xmp {
        header.metadata.lose("the XMP of the GIF is not kept");
    }
    if blocks.has_profile {
        header.colors.lose("the colour profile of the GIF is not kept: its colours may look different".to_owned());
    }
    blocks.remarks.iter().for_each(|remark| header.metadata.remark(*remark));
    Ok(header)
}

fn describe_blocks(blocks: &Blocks) -> Header {
    let size = Size { width: blocks.width, height: blocks.height };
    let is_opaque = blocks.is_covered() && blocks.pieces.iter().all(|piece| piece.transparent.is_none());
    let layout = if is_opaque { Layout::Rgb } else { Layout::Rgba };
    let info = PictureInfo { size, format: PixelFormat { layout, depth: Depth::Eight } };
    let largest = blocks.pieces.iter().map(Image::area).max().unwrap_or(0);
    let whole_bytes = Some(info.bytes() + largest);
    Header { whole_bytes, frames: blocks.frames, ..Header::new(Format::Gif, info) }
}

/// Opens a GIF, to be decoded when its first row is asked for.
///
/// # Errors
/// As [`read_header`], and if it needs more memory than `max_decode_bytes`.
pub fn open<R: BufRead + Seek + Send + 'static>(
    mut input: R,
    max_decode_bytes: u64,
) -> Result<Box<dyn RowReader>, ReadError> {
    let blocks = Blocks::read(&mut input).map_err(ReadError::Header)?;
    let header = describe_blocks(&blocks);
    header.check_memory(max_decode_bytes)?;
    let info = header.info;
    Ok(Box::new(WholeRows::new(Format::Gif, info, Box::new(move || decode(input, &blocks, info)))))
}

fn decode(mut input: impl BufRead + Seek, blocks: &Blocks, info: PictureInfo) -> Result<Vec<u8>, String> {
    let mut canvas = room(info.bytes())?;
    for piece in &blocks.pieces {
        input.seek(SeekFrom::Start(piece.at)).map_err(|error| error.to_string())?;
        // A file with this image alone: whatever else there is says nothing about it.
        let image = input.by_ref().take(piece.end - piece.at);
        decode_piece(Cursor::new(&blocks.head).chain(image).chain(END), *piece, &mut canvas, info)?;
    }
    Ok(canvas)
}

fn decode_piece(file: impl Read, place: Image, canvas: &mut [u8], info: PictureInfo) -> Result<(), String> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The buffers here are the only ones, and the header was held against the limit.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(file).map_err(describe)?;
    decoder.next_frame_info().map_err(describe)?.ok_or("there is no frame")?;
    let mut indices = room(place.area())?;
    decoder.read_into_buffer(&mut indices).map_err(describe)?;
    let palette = decoder.palette().map_err(describe)?;
    paint(canvas, info, place, &indices, &|index| {
        let start = usize::from(index) * 3;
        let color = palette.get(start..start + 3);
        // An index beyond the palette is as little there as a transparent one.
        color.filter(|_| Some(index) != place.transparent).map(|color| [color[0], color[1], color[2], 255])
    })
}

/// Paints an image on the canvas, which has room for it.
fn paint(
    canvas: &mut [u8],
    info: PictureInfo,
    place: Image,
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
