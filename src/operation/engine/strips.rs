//! Where a separable kernel finds its rows and columns: strips of an area, and their mirrored edges.

use std::ops::Range;

use super::area::Area;
use super::border::reflect101;
use crate::picture::{Rect, Size};

/// Samples of an area, channels interleaved, and the part of them asked for.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a, T> {
    /// All samples.
    pub(crate) samples: &'a [T],
    /// Size of the whole area.
    pub(crate) size: Size,
    /// Samples of a pixel.
    pub(crate) channels: usize,
    /// The part asked for.
    pub(crate) keep: Rect,
}

/// A range of the columns asked for: narrow enough that the rows a kernel holds stay in the cache.
#[derive(Clone, Debug)]
pub(crate) struct Strip {
    /// Columns of the result, counted in the area.
    pub(crate) columns: Range<usize>,
    /// Columns of the area that they need.
    pub(crate) needed: Range<usize>,
    radius: usize,
    channels: usize,
    /// For each column beyond the area: its place in the line, and that of the column it mirrors.
    mirrored: Vec<(usize, usize)>,
}

impl<'a, T: Copy> Plane<'a, T> {
    /// Looks at `samples`, which are those of the area.
    pub(crate) fn new(area: &Area, samples: &'a [T]) -> Self {
        let channels = area.pixels().format().layout.channels();
        Self { samples, size: area.pixels().size(), channels, keep: area.keep() }
    }

    /// Cuts the columns asked for into strips of at most `width` columns, for a kernel of `radius`.
    pub(crate) fn strips(&self, width: usize, radius: usize) -> Vec<Strip> {
        let (first, end) = (self.keep.x as usize, self.keep.right() as usize);
        let ranges = (first..end).step_by(width.max(1)).map(|start| start..end.min(start + width.max(1)));
        ranges.map(|columns| Strip::new(columns, self.size.width as usize, radius, self.channels)).collect()
    }

    /// The samples of the columns a strip needs, of the row that stands for row `row` of the area.
    pub(crate) fn row(&self, row: i64, strip: &Strip) -> &'a [T] {
        let line = self.size.width as usize * self.channels;
        let start = reflect101(row, self.size.height as usize) * line;
        &self.samples[start + strip.needed.start * self.channels..start + strip.needed.end * self.channels]
    }

    /// Samples of the result.
    pub(crate) fn output_len(&self) -> usize {
        self.keep.width as usize * self.keep.height as usize * self.channels
    }

    /// Where row `row` of a strip lies in the result.
    pub(crate) fn output_range(&self, row: usize, strip: &Strip) -> Range<usize> {
        let start = row * self.keep.width as usize + strip.columns.start - self.keep.x as usize;
        start * self.channels..(start + strip.columns.len()) * self.channels
    }
}

impl Strip {
    fn new(columns: Range<usize>, width: usize, radius: usize, channels: usize) -> Self {
        let needed = columns.start.saturating_sub(radius)..(columns.end + radius).min(width);
        let first = columns.start as i64 - radius as i64;
        let mirrored = (0..columns.len() + 2 * radius)
            .filter(|place| !needed.contains(&((first + *place as i64).max(-1) as usize)))
            .map(|place| (place, (reflect101(first + place as i64, width) as i64 - first) as usize))
            .collect();
        Self { columns, needed, radius, channels, mirrored }
    }

    /// Samples of a line: the strip with `radius` columns on both sides.
    pub(crate) fn line_len(&self) -> usize {
        (self.columns.len() + 2 * self.radius) * self.channels
    }

    /// Where in a line the columns lie that the area has.
    pub(crate) fn inner(&self) -> Range<usize> {
        let start = (self.needed.start + self.radius - self.columns.start) * self.channels;
        start..start + self.needed.len() * self.channels
    }

    /// Fills the columns of a line that lie beyond the area.
    pub(crate) fn mirror<T: Copy>(&self, line: &mut [T]) {
        for (place, source) in &self.mirrored {
            let source = source * self.channels;
            line.copy_within(source..source + self.channels, place * self.channels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_the_mirrored_row() {
        for width in 1..9usize {
            for radius in 0..12 {
                for start in 0..width {
                    for end in start + 1..=width {
                        let strip = Strip::new(start..end, width, radius, 2);
                        let mut line = vec![usize::MAX; strip.line_len()];
                        let inner = strip.inner();
                        let needed = strip.needed.clone().flat_map(|column| [2 * column, 2 * column + 1]);
                        inner.zip(needed).for_each(|(place, sample)| line[place] = sample);
                        strip.mirror(&mut line);
                        let expected: Vec<usize> = (start as i64 - radius as i64..(end + radius) as i64)
                            .map(|column| reflect101(column, width))
                            .flat_map(|column| [2 * column, 2 * column + 1])
                            .collect();
                        assert_eq!(line, expected, "{start}..{end} of {width}, radius {radius}");
                    }
                }
            }
        }
    }
}
