//! Moving pixels: a part of an array, turned.
//!
//! Owns the loops; where a pixel goes is [`Turn`]'s. Samples are copied, never changed.

use super::pixels::PixelsError;
use super::turn::Parts;
use super::{PictureInfo, Pixels, Rect, Samples, Size, Turn};

/// Columns become rows in blocks of so many pixels a side: both stay in the first cache.
const BLOCK: usize = 16;

impl Turn {
    /// The part `keep` of `pixels`, turned. Moves the pixels if they are all kept and stay as they are.
    ///
    /// # Errors
    /// If `keep` is empty or not inside.
    pub fn pixels(self, pixels: Pixels, keep: Rect) -> Result<Pixels, PixelsError> {
        let PictureInfo { size, format } = pixels.info();
        let inside = u64::from(keep.x) + u64::from(keep.width) <= u64::from(size.width)
            && u64::from(keep.y) + u64::from(keep.height) <= u64::from(size.height);
        let info = PictureInfo { size: self.size(keep.size()), format };
        if !inside {
            return Pixels::from_bytes(info, Vec::new());
        }
        if self == Self::None && keep.size() == size {
            return Ok(pixels);
        }
        let part = Part { line: size.width as usize, keep, parts: self.parts(), size: info.size };
        let channels = format.layout.channels();
        let samples = match pixels.samples() {
            Samples::Eight(samples) => Samples::Eight(part.turned(samples, channels)),
            Samples::Sixteen(samples) => Samples::Sixteen(part.turned(samples, channels)),
        };
        Pixels::new(info, samples)
    }
}

/// A part of an array on its way.
struct Part {
    /// Pixels of a row of the array.
    line: usize,
    keep: Rect,
    parts: Parts,
    /// Of the result.
    size: Size,
}

impl Part {
    fn turned<T: Copy + Default>(&self, samples: &[T], channels: usize) -> Vec<T> {
        match channels {
            1 => self.turn::<T, 1>(samples),
            2 => self.turn::<T, 2>(samples),
            3 => self.turn::<T, 3>(samples),
            _ => self.turn::<T, 4>(samples),
        }
    }

    fn turn<T: Copy + Default, const C: usize>(&self, samples: &[T]) -> Vec<T> {
        let (pixels, _) = samples.as_chunks::<C>();
        let mut out = vec![[T::default(); C]; self.size.pixels() as usize];
        if self.parts.swaps {
            self.swap(pixels, &mut out);
        } else {
            self.mirror(pixels, &mut out);
        }
        out.into_flattened()
    }

    /// Rows stay rows.
    fn mirror<P: Copy>(&self, pixels: &[P], out: &mut [P]) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            let from = if self.parts.mirrors_y { height - 1 - y } else { y };
            let start = (self.keep.y as usize + from) * self.line + self.keep.x as usize;
            row.copy_from_slice(&pixels[start..start + width]);
            if self.parts.mirrors_x {
                row.reverse();
            }
        }
    }

    /// Columns become rows, block by block.
    fn swap<P: Copy>(&self, pixels: &[P], out: &mut [P]) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        for top in (0..height).step_by(BLOCK) {
            for left in (0..width).step_by(BLOCK) {
                for y in top..(top + BLOCK).min(height) {
                    let end = (left + BLOCK).min(width);
                    self.swap_line(pixels, y, left, &mut out[y * width + left..y * width + end]);
                }
            }
        }
    }

    /// A piece of row `y` of the result, from column `left` on: a piece of a column of the array.
    #[inline(always)]
    fn swap_line<P: Copy>(&self, pixels: &[P], y: usize, left: usize, piece: &mut [P]) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let column = self.keep.x as usize + if self.parts.mirrors_y { height - 1 - y } else { y };
        let first = if self.parts.mirrors_x { width - left - piece.len() } else { left };
        let start = (self.keep.y as usize + first) * self.line + column;
        let taken = pixels[start..].iter().step_by(self.line);
        if self.parts.mirrors_x {
            piece.iter_mut().rev().zip(taken).for_each(|(out, pixel)| *out = *pixel);
        } else {
            piece.iter_mut().zip(taken).for_each(|(out, pixel)| *out = *pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Depth, Layout, PixelFormat};

    fn picture(width: u32, height: u32, layout: Layout, depth: Depth) -> Pixels {
        let info = PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth } };
        let bytes = (0..info.bytes()).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        Pixels::from_bytes(info, bytes).unwrap()
    }

    fn pixel(pixels: &Pixels, x: u32, y: u32) -> Vec<u16> {
        let channels = pixels.format().layout.channels();
        let at = (y as usize * pixels.size().width as usize + x as usize) * channels;
        match pixels.samples() {
            Samples::Eight(samples) => samples[at..at + channels].iter().map(|sample| u16::from(*sample)).collect(),
            Samples::Sixteen(samples) => samples[at..at + channels].to_vec(),
        }
    }

    #[test]
    fn each_pixel_lands_where_its_turn_says() {
        let layouts = [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba];
        let sizes = [(1, 1), (1, 40), (40, 1), (16, 16), (37, 21), (5, 33)];
        for (number, ((width, height), turn)) in
            sizes.into_iter().flat_map(|size| Turn::ALL.map(|turn| (size, turn))).enumerate()
        {
            let depth = if number % 3 == 0 { Depth::Sixteen } else { Depth::Eight };
            let pixels = picture(width, height, layouts[number % 4], depth);
            let keep = Rect { x: width / 4, y: height / 3, width: width - width / 3, height: height - height / 2 };
            let turned = turn.pixels(pixels.clone(), keep).unwrap();
            assert_eq!(turned.size(), turn.size(keep.size()));
            for (x, y) in (0..keep.height).flat_map(|y| (0..keep.width).map(move |x| (x, y))) {
                let to = turn.rect(Rect { x, y, width: 1, height: 1 }, keep.size());
                let from = pixel(&pixels, keep.x + x, keep.y + y);
                assert_eq!(pixel(&turned, to.x, to.y), from, "{turn:?} of {width}x{height}");
            }
        }
    }

    #[test]
    fn a_part_outside_or_without_pixels_is_refused() {
        let pixels = picture(4, 4, Layout::Rgb, Depth::Eight);
        for (x, y, width, height) in [(0, 0, 0, 1), (3, 0, 2, 1), (0, u32::MAX, 1, 2)] {
            assert!(Turn::Rotate90.pixels(pixels.clone(), Rect { x, y, width, height }).is_err());
        }
    }
}
