//! From a TIFF's stored samples to rows as they are here.
//!
//! Owns byte order, differences, low depths, palettes, and alpha that was multiplied in.

use crate::picture::{Depth, Layout, PixelFormat};

/// What the colour samples mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Colors {
    WhiteIsZero,
    Gray,
    Rgb,
    Palette(Vec<[u8; 3]>),
}

/// The sample behind the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpha {
    None,
    Straight,
    /// The colours were multiplied with it.
    Premultiplied,
}

/// How pixels are stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    bits: u32,
    colors: Colors,
    alpha: Alpha,
    differences: bool,
    big_endian: bool,
}

impl Stored {
    /// Checks that such pixels are read.
    pub(super) fn new(
        bits: u64,
        colors: Colors,
        alpha: Alpha,
        differences: bool,
        big_endian: bool,
    ) -> Result<Self, String> {
        let is_single = colors != Colors::Rgb && alpha == Alpha::None;
        match bits {
            8 | 16 => {}
            1 | 2 | 4 if is_single && !differences => {}
            _ => {
                let text =
                    format!("TIFF of {bits} bits a sample is not supported; save it with integers of 8 or 16 bits");
                return Err(text);
            }
        }
        if matches!(colors, Colors::Palette(_)) && alpha != Alpha::None {
            return Err("TIFF with a palette and alpha is not supported; save it as RGB".to_owned());
        }
        Ok(Self { bits: bits as u32, colors, alpha, differences, big_endian })
    }

    /// The pixels of the rows.
    pub(super) fn format(&self) -> PixelFormat {
        let layout = match (&self.colors, self.alpha) {
            (Colors::WhiteIsZero | Colors::Gray, Alpha::None) => Layout::Gray,
            (Colors::WhiteIsZero | Colors::Gray, _) => Layout::GrayAlpha,
            (Colors::Rgb | Colors::Palette(_), Alpha::None) => Layout::Rgb,
            (Colors::Rgb | Colors::Palette(_), _) => Layout::Rgba,
        };
        PixelFormat { layout, depth: if self.bits == 16 { Depth::Sixteen } else { Depth::Eight } }
    }

    /// Samples of a stored pixel.
    fn samples(&self) -> usize {
        if matches!(self.colors, Colors::Palette(_)) { 1 } else { self.format().layout.channels() }
    }

    /// Bytes of `pixels` stored pixels in a row.
    pub(super) fn row_bytes(&self, pixels: u32) -> u64 {
        (u64::from(pixels) * self.samples() as u64 * u64::from(self.bits)).div_ceil(8)
    }

    /// Turns the start of a stored row into as many pixels as `row` has room for. Changes `stored`.
    ///
    /// # Errors
    /// If an index is not in the palette.
    pub(super) fn convert(&self, stored: &mut [u8], row: &mut [u8]) -> Result<(), String> {
        if self.bits == 16 && self.big_endian {
            stored.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        }
        if self.differences {
            self.add_up(stored);
        }
        match &self.colors {
            Colors::Palette(palette) => {
                for (at, pixel) in row.chunks_exact_mut(3).enumerate() {
                    let index = self.low(stored, at);
                    let color = palette.get(usize::from(index));
                    pixel.copy_from_slice(color.ok_or_else(|| format!("colour {index} is not in the palette"))?);
                }
            }
            _ if self.bits < 8 => {
                let step = 255 / ((1u16 << self.bits) - 1) as u8;
                row.iter_mut().enumerate().for_each(|(at, sample)| *sample = self.low(stored, at) * step);
            }
            _ => row.copy_from_slice(&stored[..row.len()]),
        }
        if self.colors == Colors::WhiteIsZero {
            self.invert(row);
        }
        if self.alpha == Alpha::Premultiplied {
            self.divide(row);
        }
        Ok(())
    }

    /// Sample `at` of a row of at most 8 bit.
    fn low(&self, stored: &[u8], at: usize) -> u8 {
        let bit = at * self.bits as usize;
        let shift = 8 - self.bits as usize - bit % 8;
        (stored[bit / 8] >> shift) & (0xff >> (8 - self.bits))
    }

    fn add_up(&self, stored: &mut [u8]) {
        let (step, bytes) = (self.samples(), self.format().depth.bytes());
        for at in (step * bytes..stored.len()).step_by(bytes) {
            let before = at - step * bytes;
            if bytes == 1 {
                stored[at] = stored[at].wrapping_add(stored[before]);
            } else if at + 1 < stored.len() {
                let [sum, add] = [before, at].map(|at| u16::from_le_bytes([stored[at], stored[at + 1]]));
                stored[at..at + 2].copy_from_slice(&sum.wrapping_add(add).to_le_bytes());
            }
        }
    }

    /// White is zero; alpha stays.
    fn invert(&self, row: &mut [u8]) {
        let format = self.format();
        for pixel in row.chunks_exact_mut(format.bytes_per_pixel()) {
            pixel[..format.depth.bytes()].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }

    /// Undoes the multiplication with alpha: `(c · top + a / 2) / a`, at most `top`; 0 where alpha is 0.
    fn divide(&self, row: &mut [u8]) {
        let format = self.format();
        let (bytes, top) = (format.depth.bytes(), u64::from(format.depth.top()));
        let read = |sample: &[u8]| sample.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        for pixel in row.chunks_exact_mut(format.bytes_per_pixel()) {
            let (colors, alpha) = pixel.split_at_mut(format.layout.color_channels() * bytes);
            let alpha = read(alpha);
            for sample in colors.chunks_exact_mut(bytes) {
                let value = (read(sample) * top + alpha / 2).checked_div(alpha).unwrap_or(0).min(top);
                sample.copy_from_slice(&value.to_le_bytes()[..bytes]);
            }
        }
    }
}
