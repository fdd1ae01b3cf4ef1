//! The rows and columns around each pixel that a 3x3 kernel weighs, mirrored at the picture's edge.
//!
//! Owns the border rule of these kernels (reflect101), so that their loops have none; does no arithmetic.

use std::ops::Range;

use super::area::Area;
use super::border::reflect101;
use crate::picture::{Layout, Rect};

/// The samples of an area as a kernel with a halo of one pixel sees them.
///
/// Such a kernel first joins the three rows around a row to a *line*, which has one pixel more on each
/// side than the part asked for, and then joins three pixels of the line to a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbours<'a, T> {
    samples: &'a [T],
    width: usize,
    height: usize,
    layout: Layout,
    keep: Rect,
}

impl<'a, T: Copy> Neighbours<'a, T> {
    /// Looks at `samples`, which are those of the area.
    pub(crate) fn new(area: &Area, samples: &'a [T]) -> Self {
        let info = area.pixels().info();
        let (width, height) = (info.size.width as usize, info.size.height as usize);
        Self { samples, width, height, layout: info.format.layout, keep: area.keep() }
    }

    /// Samples of a pixel.
    #[inline]
    pub(crate) fn channels(&self) -> usize {
        self.layout.channels()
    }

    /// Samples of a row of the result.
    #[inline]
    pub(crate) fn row_len(&self) -> usize {
        self.keep.width as usize * self.channels()
    }

    /// Samples of the result.
    pub(crate) fn output_len(&self) -> usize {
        self.row_len() * self.keep.height as usize
    }

    /// Entries of a line.
    pub(crate) fn line_len(&self) -> usize {
        self.row_len() + 2 * self.channels()
    }

    /// The array's columns that a line covers.
    fn columns(&self) -> Range<usize> {
        (self.keep.x as usize).saturating_sub(1)..(self.keep.right() as usize + 1).min(self.width)
    }

    /// The entries of a line that [`Neighbours::rows`] fill; [`Neighbours::mirror`] fills the others.
    #[inline]
    pub(crate) fn inner(&self) -> Range<usize> {
        let columns = self.columns();
        let start = (columns.start + 1 - self.keep.x as usize) * self.channels();
        start..start + columns.len() * self.channels()
    }

    /// The rows above, at and below row `row` of the result, all as long as the inner part of a line.
    #[inline]
    pub(crate) fn rows(&self, row: usize) -> [&'a [T]; 3] {
        let columns = self.columns();
        [-1, 0, 1].map(|offset| {
            let y = reflect101(i64::from(self.keep.y) + row as i64 + offset, self.height);
            let samples = (y * self.width + columns.start) * self.channels();
            &self.samples[samples..][..columns.len() * self.channels()]
        })
    }

    /// The samples at row `row` of the result, without neighbours.
    #[inline]
    pub(crate) fn center(&self, row: usize) -> &'a [T] {
        let pixel = (self.keep.y as usize + row) * self.width + self.keep.x as usize;
        &self.samples[pixel * self.channels()..][..self.row_len()]
    }

    /// Fills the entries of a line that lie beyond the array's edges, which are the picture's.
    #[inline]
    pub(crate) fn mirror<C: Copy>(&self, line: &mut [C]) {
        let (channels, x) = (self.channels(), i64::from(self.keep.x));
        for column in [x - 1, i64::from(self.keep.right())] {
            // Line entry 0 is column x - 1.
            let source = (reflect101(column, self.width) as i64 + 1 - x) as usize * channels;
            line.copy_within(source..source + channels, (column + 1 - x) as usize * channels);
        }
    }

    /// Puts the alpha of row `row` back into its results.
    #[inline]
    pub(crate) fn keep_alpha(&self, row: usize, results: &mut [T]) {
        let channels = self.channels();
        if matches!(self.layout, Layout::GrayAlpha | Layout::Rgba) {
            let pixels = results.chunks_exact_mut(channels).zip(self.center(row).chunks_exact(channels));
            pixels.for_each(|(result, pixel)| result[channels - 1] = pixel[channels - 1]);
        }
    }
}
