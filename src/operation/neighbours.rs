//! The rows and columns around each pixel that a 3x3 kernel weighs, mirrored at the picture's edge.
//!
//! Owns the border rule of these kernels (reflect101), so that their loops have none; does no arithmetic.

use std::ops::Range;

use super::Area;
use super::border::reflect101;
use crate::picture::{Layout, Rect};

/// The samples of an area as a kernel with a halo of one pixel sees them.
///
/// Such a kernel first joins the three rows around a row to a *line*, which has one pixel more on each
/// side than the part asked for, and then joins three pixels of the line to a result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbours<'a, T> {
    samples: &'a [T],
    width: usize,
    height: usize,
    layout: Layout,
    keep: Rect,
}

impl<'a, T: Copy> Neighbours<'a, T> {
    /// Looks at `samples`, which are those of the area.
    pub(super) fn new(area: &Area, samples: &'a [T]) -> Self {
        let info = area.pixels().info();
        let (width, height) = (info.size.width as usize, info.size.height as usize);
        Self { samples, width, height, layout: info.format.layout, keep: area.keep() }
    }

    /// Samples of a pixel.
    #[inline]
    pub(super) fn channels(&self) -> usize {
        self.layout.channels()
    }

    /// Samples of a row of the result.
    #[inline]
    pub(super) fn row_len(&self) -> usize {
        self.keep.width as usize * self.channels()
    }

    /// Samples of the result.
    pub(super) fn output_len(&self) -> usize {
        self.row_len() * self.keep.height as usize
    }

    /// Entries of a line.
    pub(super) fn line_len(&self) -> usize {
        self.row_len() + 2 * self.channels()
    }

    /// The array's columns that a line covers.
    fn columns(&self) -> Range<usize> {
        (self.keep.x as usize).saturating_sub(1)..(self.keep.right() as usize + 1).min(self.width)
    }

    /// The entries of a line that [`Neighbours::rows`] fill; [`Neighbours::mirror`] fills the others.
    #[inline]
    pub(super) fn inner(&self) -> Range<usize> {
        let columns = self.columns();
        let start = (columns.start + 1 - self.keep.x as usize) * self.channels();
        start..start + columns.len() * self.channels()
    }

    /// The rows above, at and below row `row` of the result, all as long as the inner part of a line.
    #[inline]
    pub(super) fn rows(&self, row: usize) -> [&'a [T]; 3] {
        let columns = self.columns();
        [-1, 0, 1].map(|offset| {
            let y = reflect101(i64::from(self.keep.y) + row as i64 + offset, self.height);
            let samples = (y * self.width + columns.start) * self.channels();
            &self.samples[samples..][..columns.len() * self.channels()]
        })
    }

    /// The samples at row `row` of the result, without neighbours.
    #[inline]
    pub(super) fn center(&self, row: usize) -> &'a [T] {
        let pixel = (self.keep.y as usize + row) * self.width + self.keep.x as usize;
        &self.samples[pixel * self.channels()..][..self.row_len()]
    }

    /// Fills the entries of a line that lie beyond the array's edges, which are the picture's.
    #[inline]
    pub(super) fn mirror<C: Copy>(&self, line: &mut [C]) {
        let (channels, x) = (self.channels(), i64::from(self.keep.x));
        for column in [x - 1, i64::from(self.keep.right())] {
            // Line entry 0 is column x - 1.
            let source = (reflect101(column, self.width) as i64 + 1 - x) as usize * channels;
            line.copy_within(source..source + channels, (column + 1 - x) as usize * channels);
        }
    }

    /// Puts the alpha of row `row` back into its results.
    #[inline]
    pub(super) fn keep_alpha(&self, row: usize, results: &mut [T]) {
        let channels = self.channels();
        if matches!(self.layout, Layout::GrayAlpha | Layout::Rgba) {
            let pixels = results.chunks_exact_mut(channels).zip(self.center(row).chunks_exact(channels));
            pixels.for_each(|(result, pixel)| result[channels - 1] = pixel[channels - 1]);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::operation::Kernel;
    use crate::picture::{Depth, PictureInfo, PixelFormat, Pixels, Samples, Size};

    /// Noise with many extremes, in every layout and depth and for every part of small arrays.
    pub(in crate::operation) fn areas() -> Vec<Area> {
        let mut areas = Vec::new();
        for (width, height) in [(1, 1), (1, 4), (5, 1), (2, 2), (3, 4), (67, 5)] {
            for layout in [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba] {
                for depth in [Depth::Eight, Depth::Sixteen] {
                    let info = PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth } };
                    let bytes = (0..info.bytes()).map(|at| noise(at + u64::from(width))).collect();
                    let pixels = Pixels::from_bytes(info, bytes).unwrap();
                    areas.extend(parts(info.size).into_iter().map(|keep| Area::new(pixels.clone(), keep).unwrap()));
                }
            }
        }
        areas
    }

    fn noise(at: u64) -> u8 {
        let mixed = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        [0, 255, (mixed >> 8) as u8, (mixed >> 16) as u8][mixed as usize % 4]
    }

    fn parts(size: Size) -> Vec<Rect> {
        let spans = |length: u32| match length {
            ..6 => (0..length).flat_map(|start| (1..=length - start).map(move |count| (start, count))).collect(),
            _ => vec![(0, length), (1, length - 2), (0, 33), (length - 40, 40)],
        };
        let rows: Vec<(u32, u32)> = spans(size.height);
        let rows = rows.into_iter().flat_map(|row| spans(size.width).into_iter().map(move |column| (column, row)));
        rows.map(|((x, width), (y, height))| Rect { x, y, width, height }).collect()
    }

    /// The samples of the nine pixels around one, mirrored at the array's edge; channel by channel, row by row.
    pub(in crate::operation) fn around(pixels: &Pixels, x: u32, y: u32, channel: usize) -> [[i64; 3]; 3] {
        let (size, channels) = (pixels.size(), pixels.format().layout.channels());
        [-1, 0, 1].map(|down| {
            [-1, 0, 1].map(|right| {
                let row = reflect101(i64::from(y) + down, size.height as usize);
                let column = reflect101(i64::from(x) + right, size.width as usize);
                let at = (row * size.width as usize + column) * channels + channel;
                match pixels.samples() {
                    Samples::Eight(samples) => i64::from(samples[at]),
                    Samples::Sixteen(samples) => i64::from(samples[at]),
                }
            })
        })
    }

    /// Checks a kernel on every area: `model` gives a colour from the samples around it and the top; alpha
    /// stays. `seen` is what the kernel sees of the array.
    pub(in crate::operation) fn follows(
        kernel: &dyn Kernel,
        seen: impl Fn(Pixels) -> Pixels,
        model: impl Fn([[i64; 3]; 3], i64) -> i64,
    ) {
        for area in areas() {
            let (keep, seen) = (area.keep(), seen(area.pixels().clone()));
            let layout = seen.format().layout;
            let colours = if matches!(layout, Layout::Gray | Layout::GrayAlpha) { 1 } else { 3 };
            let top = (1i64 << seen.format().depth.bits()) - 1;
            let mut expected = Vec::new();
            for (y, x) in (keep.y..keep.bottom()).flat_map(|y| (keep.x..keep.right()).map(move |x| (y, x))) {
                for channel in 0..layout.channels() {
                    let samples = around(&seen, x, y, channel);
                    expected.push(if channel < colours { model(samples, top) } else { samples[1][1] });
                }
            }
            let what = format!("{:?}, {keep:?}", area.pixels().info());
            let result = kernel.run(area).unwrap();
            assert_eq!(result.format(), seen.format(), "{what}");
            let result: Vec<i64> = match result.samples() {
                Samples::Eight(samples) => samples.iter().copied().map(i64::from).collect(),
                Samples::Sixteen(samples) => samples.iter().copied().map(i64::from).collect(),
            };
            assert_eq!(result, expected, "{what}");
        }
    }
}
