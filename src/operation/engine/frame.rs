//! The part of an area that is asked for, with a kernel's radius around it on all sides.
//!
//! Owns the border rules: where the area ends sooner than the radius, samples are made up, so that kernels
//! know no edges. Does no arithmetic.

use std::borrow::Cow;
use std::ops::Range;

use super::area::Area;
use super::border::Border;

/// Rows of samples, all of the same length; [`Frame::radius`] more than asked for on each side.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a, T: Clone> {
    samples: Cow<'a, [T]>,
    /// Where row 0 begins in `samples`, and how far it is to the next.
    start: usize,
    stride: usize,
    width: usize,
    height: usize,
    channels: usize,
    radius: usize,
}

impl<'a, T: Copy> Frame<'a, T> {
    /// Looks at `samples`, which are those of the area; borrows them where they reach far enough.
    pub(crate) fn new(area: &Area, samples: &'a [T], radius: usize, border: Border) -> Self {
        let (size, keep) = (area.pixels().size(), area.keep());
        let channels = area.pixels().format().layout.channels();
        let (columns, column) = needed(keep.x, keep.width, size.width, radius);
        let (rows, row) = needed(keep.y, keep.height, size.height, radius);
        let (width, height) = (keep.width as usize, keep.height as usize);
        let line = size.width as usize * channels;
        let frame = Self { samples: Cow::Borrowed(samples), start: 0, stride: line, width, height, channels, radius };
        if let (Some(column), Some(row)) = (column, row) {
            return Self { start: row * line + column * channels, ..frame };
        }
        let columns = Columns::new(columns, size.width as usize, border);
        let mut copy = Vec::with_capacity(frame.row_len() * (height + 2 * radius));
        for row in rows {
            let start = border.index(row, size.height as usize) * line;
            columns.extend(&samples[start..start + line], channels, &mut copy);
        }
        Self { stride: frame.row_len(), samples: Cow::Owned(copy), ..frame }
    }

    /// Row `row`, counted from `radius` rows above the part asked for: that part's columns, with `radius` more
    /// on each side.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &[T] {
        &self.samples[self.start + row * self.stride..][..self.row_len()]
    }

    /// The samples of row `row` of the part asked for, alone.
    #[inline(always)]
    pub(crate) fn center(&self, row: usize) -> &[T] {
        &self.row(row + self.radius)[self.radius * self.channels..][..self.output_row_len()]
    }

    /// The rows of the square of the radius around row `row` of the part asked for.
    #[inline(always)]
    pub(crate) fn square<const ROWS: usize>(&self, row: usize) -> [&[T]; ROWS] {
        std::array::from_fn(|at| self.row(row + at))
    }

    /// A row as seen from each of the columns of a square: slices as long as a row of the result, one pixel
    /// further each.
    #[inline(always)]
    pub(crate) fn columns<'b, const COLUMNS: usize>(&self, row: &'b [T]) -> [&'b [T]; COLUMNS] {
        std::array::from_fn(|at| &row[at * self.channels..][..self.output_row_len()])
    }

    /// Samples of a row of the frame.
    #[inline(always)]
    pub(crate) fn row_len(&self) -> usize {
        (self.width + 2 * self.radius) * self.channels
    }

    /// Samples of a row of the part asked for.
    #[inline(always)]
    pub(crate) fn output_row_len(&self) -> usize {
        self.width * self.channels
    }

    /// Rows of the frame.
    #[inline(always)]
    pub(crate) fn rows(&self) -> usize {
        self.height + 2 * self.radius
    }

    /// Samples of a pixel.
    #[inline(always)]
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Pixels on each side beyond the part asked for.
    #[inline(always)]
    pub(crate) fn radius(&self) -> usize {
        self.radius
    }

    /// Samples of the part asked for.
    pub(crate) fn output_len(&self) -> usize {
        self.output_row_len() * self.height
    }
}

/// The indexes that `radius` around a span takes, and the first of them if all lie inside.
fn needed(start: u32, length: u32, whole: u32, radius: usize) -> (Range<i64>, Option<usize>) {
    let (first, end) = (i64::from(start) - radius as i64, i64::from(start) + i64::from(length) + radius as i64);
    (first..end, usize::try_from(first).ok().filter(|_| end <= i64::from(whole)))
}

/// The columns of a row: some made up, a run as it is, some made up.
struct Columns {
    before: Vec<usize>,
    inside: Range<usize>,
    after: Vec<usize>,
}

impl Columns {
    fn new(needed: Range<i64>, width: usize, border: Border) -> Self {
        let stands = |columns: Range<i64>| columns.map(|column| border.index(column, width)).collect();
        let inside = needed.start.max(0)..needed.end.min(width as i64);
        Self {
            before: stands(needed.start..inside.start),
            after: stands(inside.end..needed.end),
            inside: inside.start as usize..inside.end as usize,
        }
    }

    fn extend<T: Copy>(&self, row: &[T], channels: usize, out: &mut Vec<T>) {
        let pixel = |column: usize| &row[column * channels..(column + 1) * channels];
        self.before.iter().for_each(|column| out.extend_from_slice(pixel(*column)));
        out.extend_from_slice(&row[self.inside.start * channels..self.inside.end * channels]);
        self.after.iter().for_each(|column| out.extend_from_slice(pixel(*column)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::testing::areas;
    use crate::picture::Samples;

    #[test]
    fn rows_are_those_of_the_area_and_beyond_it_those_of_the_border_rule() {
        for area in areas() {
            let Samples::Eight(samples) = area.pixels().samples() else { continue };
            let (size, keep) = (area.pixels().size(), area.keep());
            let channels = area.pixels().format().layout.channels();
            for (radius, border) in [(0, Border::Replicate), (1, Border::Reflect101), (9, Border::Replicate)] {
                let frame = Frame::new(&area, samples, radius, border);
                for row in 0..frame.rows() {
                    let y = border.index(i64::from(keep.y) + row as i64 - radius as i64, size.height as usize);
                    let expected = (0..frame.row_len()).map(|at| {
                        let x = i64::from(keep.x) + (at / channels) as i64 - radius as i64;
                        let x = border.index(x, size.width as usize);
                        samples[(y * size.width as usize + x) * channels + at % channels]
                    });
                    assert!(frame.row(row).iter().copied().eq(expected), "{keep:?} of {size:?}, row {row}");
                }
            }
        }
    }
}
