//! QOI by rows: every pixel follows from those before it, so that one row of memory will do.
//!
//! Owns the format. Source: the QOI specification, version 2022-01-05 (qoiformat.org).

use std::io::{BufRead, ErrorKind, Read};

use super::header::Header;
use super::rows::{ReadError, RowReader};
use super::sniff::Format;
use super::{Depth, Layout, PictureInfo, PixelFormat, Size};

const END: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

/// Reads the header.
///
/// # Errors
/// [`ReadError::Header`] if it is damaged.
pub fn read_header(mut input: impl BufRead) -> Result<Header, ReadError> {
    let (info, is_linear) = parse(&mut input).map_err(ReadError::Header)?;
    let mut header = Header::new(Format::Qoi, info);
    if is_linear {
        let text = "it says that its colours are linear, which is not kept: they may look different";
        header.colors.lose(text.to_owned());
    }
    Ok(header)
}

/// Also gives whether it says that its colours are linear.
fn parse(input: &mut impl Read) -> Result<(PictureInfo, bool), String> {
    let mut header = [0; 14];
    input.read_exact(&mut header).map_err(|error| describe(&error))?;
    let [b'q', b'o', b'i', b'f', w0, w1, w2, w3, h0, h1, h2, h3, channels, space] = header else {
        return Err("no QOI start".to_owned());
    };
    let layout = match channels {
        3 => Layout::Rgb,
        4 => Layout::Rgba,
        other => return Err(format!("a QOI of {other} channels; it has 3 or 4")),
    };
    let size = Size { width: u32::from_be_bytes([w0, w1, w2, w3]), height: u32::from_be_bytes([h0, h1, h2, h3]) };
    if size.pixels() == 0 {
        return Err("a side of 0 pixels".to_owned());
    }
    Ok((PictureInfo { size, format: PixelFormat { layout, depth: Depth::Eight } }, space == 1))
}

fn describe(error: &std::io::Error) -> String {
    if error.kind() == ErrorKind::UnexpectedEof { "the file ends early".to_owned() } else { error.to_string() }
}

/// The rows of a QOI, top to bottom.
#[derive(Debug)]
pub struct QoiRows<R> {
    input: R,
    info: PictureInfo,
    next_row: u32,
    pixel: [u8; 4],
    seen: [[u8; 4]; 64],
    repeats: u8,
}

impl<R: BufRead> QoiRows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// As [`read_header`].
    pub fn open(mut input: R) -> Result<Self, ReadError> {
        let (info, _) = parse(&mut input).map_err(ReadError::Header)?;
        Ok(Self { input, info, next_row: 0, pixel: [0, 0, 0, 255], seen: [[0; 4]; 64], repeats: 0 })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|error| describe(&error))?;
        Ok(bytes)
    }

    fn next_pixel(&mut self) -> Result<[u8; 4], String> {
        if self.repeats > 0 {
            self.repeats -= 1;
            return Ok(self.pixel);
        }
        let [r, g, b, a] = self.pixel;
        let [tag] = self.bytes()?;
        self.pixel = match (tag, tag >> 6) {
            (0xfe, _) => {
                let [r, g, b] = self.bytes()?;
                [r, g, b, a]
            }
            (0xff, _) => self.bytes()?,
            (_, 0) => self.seen[usize::from(tag & 63)],
            (_, 1) => {
                let add = |sample: u8, bits: u8| sample.wrapping_add(bits & 3).wrapping_sub(2);
                [add(r, tag >> 4), add(g, tag >> 2), add(b, tag), a]
            }
            (_, 2) => {
                let [more] = self.bytes()?;
                let green = (tag & 63).wrapping_sub(32);
                let add = |sample: u8, bits: u8| sample.wrapping_add(green).wrapping_add(bits & 15).wrapping_sub(8);
                [add(r, more >> 4), g.wrapping_add(green), add(b, more), a]
            }
            _ => {
                self.repeats = tag & 63;
                self.pixel
            }
        };
        let [r, g, b, a] = self.pixel.map(u32::from);
        self.seen[((r * 3 + g * 5 + b * 7 + a * 11) % 64) as usize] = self.pixel;
        Ok(self.pixel)
    }

    fn row_error(&self, cause: String) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.info.size.height, cause }
    }
}

impl<R: BufRead + Send> RowReader for QoiRows<R> {
    fn info(&self) -> PictureInfo {
        self.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.next_row >= self.info.size.height || row.len() != self.info.row_bytes() {
            return Err(self.row_error("there is no such row".to_owned()));
        }
        let channels = self.info.format.layout.channels();
        for pixel in row.chunks_exact_mut(channels) {
            let next = self.next_pixel().map_err(|cause| self.row_error(cause))?;
            pixel.copy_from_slice(&next[..channels]);
        }
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.next_row < self.info.size.height {
            return Err(self.row_error("the rows were not read to the end".to_owned()));
        }
        let rows = self.info.size.height;
        let end = self.bytes().map_err(|cause| ReadError::End { rows, cause })?;
        if self.repeats > 0 || end != END {
            return Err(ReadError::End { rows, cause: "there is no end marker where the pixels end".to_owned() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
