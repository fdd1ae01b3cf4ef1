//! Reading PNG row by row, with every checksum verified.

use std::fmt;
use std::io::{BufRead, Seek};

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::bytes::swap_bytes;
use super::transparency::MaskedGray;
use super::words::describe;
use crate::picture::rows::{ReadError, RowReader};
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// What the decoder may allocate for chunks and its row: room for a row of 100,000 pixels of 8 bytes.
const DECODER_BYTES: usize = 16 << 20;

/// What a PNG's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PngHeader {
    /// Size and pixels, as the rows will come: palettes, 1, 2 and 4 bit and transparent colours expanded.
    pub info: PictureInfo,
    /// Rows come in seven passes (Adam7).
    pub interlaced: bool,
    /// Frames of an animation, of which only the first is read; 1 otherwise.
    pub frames: u32,
}

/// Reads the header only, up to the pixel data.
///
/// # Errors
/// [`ReadError::Header`] if it is damaged or asks for more than a decoder may allocate.
pub fn read_info(input: impl BufRead + Seek) -> Result<PngHeader, ReadError> {
    start(input).map(|(_, header)| header)
}

/// The rows of a PNG, top to bottom.
pub struct PngRows<R: BufRead + Seek> {
    reader: Reader<R>,
    info: PictureInfo,
    masked: MaskedGray,
    next_row: u32,
}

impl<R: BufRead + Seek> PngRows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ReadError::Header`] as [`read_info`], and for interlaced pictures, which [`super::open`] decodes whole.
    pub fn open(input: R) -> Result<Self, ReadError> {
        let (reader, header) = start(input)?;
        if header.interlaced {
            return Err(ReadError::Header("interlaced PNG (Adam7) has no rows to stream".to_owned()));
        }
        Ok(Self::new(reader, header.info))
    }

    pub(super) fn new(reader: Reader<R>, info: PictureInfo) -> Self {
        let masked = MaskedGray::of(reader.info());
        Self { reader, info, masked, next_row: 0 }
    }

    fn row_error(&self, cause: impl Into<String>) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.info.size.height, cause: cause.into() }
    }
}

impl<R: BufRead + Seek + Send> RowReader for PngRows<R> {
    fn info(&self) -> PictureInfo {
        self.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.next_row >= self.info.size.height {
            return Err(self.row_error("all rows were read"));
        }
        if row.len() != self.info.row_bytes() {
            return Err(self.row_error(format!("a row has {} bytes, not {}", self.info.row_bytes(), row.len())));
        }
        match self.reader.read_row(row) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(self.row_error("the data has too few rows")),
            Err(error) => return Err(self.row_error(describe(&error))),
        }
        if self.info.format.depth == Depth::Sixteen {
            swap_bytes(row);
        }
        self.masked.apply(row);
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.next_row < self.info.size.height {
            return Err(self.row_error("the rows were not read to the end"));
        }
        self.reader.finish().map_err(|error| ReadError::End { rows: self.info.size.height, cause: describe(&error) })
    }
}

impl<R: BufRead + Seek> fmt::Debug for PngRows<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PngRows").field("info", &self.info).field("next_row", &self.next_row).finish()
    }
}

/// Starts a decoder and reads up to the pixels.
pub(super) fn start<R: BufRead + Seek>(input: R) -> Result<(Reader<R>, PngHeader), ReadError> {
    let mut decoder = Decoder::new_with_limits(input, Limits { bytes: DECODER_BYTES });
    decoder.ignore_checksums(false);
    // A compressed text or profile of some kilobytes may inflate to gigabytes.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let claimed = decoder.read_header_info().map_err(|error| ReadError::Header(describe(&error)))?.size();
    let reader = decoder.read_info().map_err(|error| header_error(claimed, &error))?;
    let header = header(&reader)?;
    Ok((reader, header))
}

fn header_error((width, height): (u32, u32), error: &DecodingError) -> ReadError {
    ReadError::Header(match error {
        DecodingError::LimitsExceeded => format!("a PNG of {width}x{height} pixels is more than can be decoded"),
        other => describe(other),
    })
}

fn header<R: BufRead + Seek>(reader: &Reader<R>) -> Result<PngHeader, ReadError> {
    let info = reader.info();
    let size = Size { width: info.width, height: info.height };
    if let Some(frame) = info.frame_control {
        // The decoder would give rows of the frame's size; the standard wants the whole picture here.
        if (frame.width, frame.height) != info.size() {
            return Err(ReadError::Header("the first frame of the animation does not cover the picture".to_owned()));
        }
    }
    // The decoder would take the last colour for whole and panic.
    if info.palette.as_ref().is_some_and(|palette| palette.len() % 3 != 0 || palette.is_empty()) {
        return Err(ReadError::Header("its palette (PLTE) is no list of whole colours".to_owned()));
    }
    let (color, depth) = reader.output_color_type();
    let format = PixelFormat { layout: layout(color)?, depth: depth_of(depth)? };
    let picture = PictureInfo { size, format };
    if reader.output_line_size(size.width) != Some(picture.row_bytes()) {
        return Err(ReadError::Header("the rows are not as long as the header says".to_owned()));
    }
    let frames = info.animation_control.map_or(1, |animation| animation.num_frames);
    Ok(PngHeader { info: picture, interlaced: info.interlaced, frames })
}

fn layout(color: ColorType) -> Result<Layout, ReadError> {
    match color {
        ColorType::Grayscale => Ok(Layout::Gray),
        ColorType::GrayscaleAlpha => Ok(Layout::GrayAlpha),
        ColorType::Rgb => Ok(Layout::Rgb),
        ColorType::Rgba => Ok(Layout::Rgba),
        ColorType::Indexed => Err(ReadError::Header("the palette was not expanded".to_owned())),
    }
}

fn depth_of(depth: BitDepth) -> Result<Depth, ReadError> {
    match depth {
        BitDepth::Eight => Ok(Depth::Eight),
        BitDepth::Sixteen => Ok(Depth::Sixteen),
        other => Err(ReadError::Header(format!("samples of {} bit were not expanded", other as u8))),
    }
}
