//! From a bitmap's stored bits to samples.

use crate::picture::Layout;

/// What the bits of a pixel are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Colors {
    /// An index of so many bits into a palette of red, green and blue.
    Palette { bits: u32, palette: Vec<[u8; 3]> },
    /// Three bytes: blue, green, red.
    Bytes,
    /// Masks of bits in 2 or 4 bytes: red, green, blue, alpha.
    Masks { bytes: usize, masks: [Mask; 4] },
}

/// A channel's bits within a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    mask: u32,
    shift: u32,
    top: u32,
}

impl Mask {
    /// The bits of `mask`, which must be in one piece.
    pub(super) fn new(mask: u32) -> Result<Self, String> {
        let shift = if mask == 0 { 0 } else { mask.trailing_zeros() };
        let top = mask >> shift;
        if top & top.wrapping_add(1) != 0 {
            return Err(format!("a bitmap with the bits of a colour apart: {mask:#010x}"));
        }
        Ok(Self { mask, shift, top })
    }

    /// The channel's value as 8 bit, rounded.
    fn sample(self, pixel: u32) -> u8 {
        let value = u64::from((pixel & self.mask) >> self.shift);
        let top = u64::from(self.top);
        // A channel without bits is 0.
        (value * 255 + top / 2).checked_div(top).unwrap_or(0) as u8
    }
}

impl Colors {
    /// The layout that the rows have.
    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Palette { palette, .. } if palette.iter().all(|[r, g, b]| r == g && g == b) => Layout::Gray,
            Self::Masks { masks: [.., alpha], .. } if alpha.mask != 0 => Layout::Rgba,
            _ => Layout::Rgb,
        }
    }

    /// Bits of a stored pixel.
    pub(super) fn bits(&self) -> u64 {
        match self {
            Self::Palette { bits, .. } => u64::from(*bits),
            Self::Bytes => 24,
            Self::Masks { bytes, .. } => *bytes as u64 * 8,
        }
    }

    /// Turns a stored row into samples.
    ///
    /// # Errors
    /// If an index is not in the palette.
    pub(super) fn convert(&self, stored: &[u8], row: &mut [u8]) -> Result<(), String> {
        let channels = self.layout().channels();
        match self {
            Self::Palette { bits, palette } => {
                let pixels = row.chunks_exact_mut(channels);
                for (at, pixel) in pixels.enumerate() {
                    let bit = at * *bits as usize;
                    let shift = 8 - *bits - (bit % 8) as u32;
                    let index = (stored[bit / 8] >> shift) & (0xff >> (8 - bits));
                    pixel.copy_from_slice(&color(palette, index)?[..channels]);
                }
            }
            Self::Bytes => {
                for (pixel, stored) in row.chunks_exact_mut(3).zip(stored.chunks_exact(3)) {
                    pixel.copy_from_slice(&[stored[2], stored[1], stored[0]]);
                }
            }
            Self::Masks { bytes, masks } => {
                let pixels = row.chunks_exact_mut(channels).zip(stored.chunks_exact(*bytes));
                for (pixel, stored) in pixels {
                    let value = stored.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                    pixel.iter_mut().zip(masks).for_each(|(sample, mask)| *sample = mask.sample(value));
                }
            }
        }
        Ok(())
    }

    /// A palette's colour: red, green, blue.
    pub(super) fn color(&self, index: u8) -> Result<&[u8; 3], String> {
        let Self::Palette { palette, .. } = self else { return Err("there is no palette".to_owned()) };
        color(palette, index)
    }
}

fn color(palette: &[[u8; 3]], index: u8) -> Result<&[u8; 3], String> {
    palette.get(usize::from(index)).ok_or_else(|| format!("colour {index} is not in the palette"))
}
