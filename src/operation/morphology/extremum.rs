//! The largest or smallest sample of a square, in both directions by doubling.

use super::super::filter::Filter;
use super::super::frame::Frame;
use super::super::sample::Sample;

/// Samples that the rows of a strip have together: they should stay in the second cache.
const STRIP_SAMPLES: usize = 1 << 17;

/// Which sample is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::operation) enum Most {
    Largest,
    Smallest,
}

impl Most {
    /// The other.
    pub(super) fn other(self) -> Self {
        if self == Self::Largest { Self::Smallest } else { Self::Largest }
    }
}

/// The largest or smallest sample of a square of `side`; that of the frame's radius.
#[derive(Clone, Copy)]
pub(super) struct Extremum {
    pub(super) most: Most,
    pub(super) side: usize,
}

impl Filter for Extremum {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        match self.most {
            Most::Largest => self.picked(frame, T::max),
            Most::Smallest => self.picked(frame, T::min),
        }
    }
}

impl Extremum {
    #[inline(always)]
    fn picked<T: Sample>(self, frame: &Frame<'_, T>, pick: impl Fn(T, T) -> T + Copy) -> Vec<T> {
        let mut out = vec![T::default(); frame.output_len()];
        match self.side {
            1 => {
                let rows = out.chunks_exact_mut(frame.output_row_len()).enumerate();
                rows.for_each(|(row, results)| results.copy_from_slice(frame.center(row)));
            }
            3 => by_rows::<T, 3>(frame, &mut out, pick),
            side => by_strips(frame, side, &mut out, pick),
        }
        out
    }
}

/// Compares the rows of each column one by one, then those columns along the row.
#[inline(always)]
fn by_rows<T: Sample, const SIDE: usize>(frame: &Frame<'_, T>, out: &mut [T], pick: impl Fn(T, T) -> T + Copy) {
    let mut line = vec![T::default(); frame.row_len()];
    for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
        picks(&mut line, frame.square::<SIDE>(row), pick);
        picks(results, frame.columns::<SIDE>(&line), pick);
    }
}

/// The pick of samples at the same place of several slices.
#[inline(always)]
fn picks<T: Sample, const SIDE: usize>(results: &mut [T], samples: [&[T]; SIDE], pick: impl Fn(T, T) -> T) {
    let length = results.len();
    let samples = samples.map(|samples| &samples[..length]);
    for at in 0..length {
        let mut best = samples[0][at];
        for more in &samples[1..] {
            best = pick(best, more[at]);
        }
        results[at] = best;
    }
}

/// Doubles the rows compared, in strips of columns, then the columns.
#[inline(always)]
fn by_strips<T: Sample>(frame: &Frame<'_, T>, side: usize, out: &mut [T], pick: impl Fn(T, T) -> T + Copy) {
    let (length, halo) = (frame.output_row_len(), (side - 1) * frame.channels());
    let width = (STRIP_SAMPLES / frame.rows()).max(2 * halo).max(64);
    for start in (0..length).step_by(width) {
        let columns = start..(start + width).min(length) + halo;
        let mut strip = Strip { samples: Vec::new(), width: columns.len() };
        for row in 0..frame.rows() {
            strip.samples.extend_from_slice(&frame.row(row)[columns.clone()]);
        }
        let strip = strip.down(side, pick);
        let mut lines = [vec![T::default(); strip.width], vec![T::default(); strip.width]];
        for (row, line) in strip.samples.chunks_exact(strip.width).enumerate() {
            lines[0].copy_from_slice(line);
            let results = &mut out[row * length + start..][..strip.width - halo];
            along(&mut lines, side, frame.channels(), results, pick);
        }
    }
}

/// Rows of the same length.
struct Strip<T> {
    samples: Vec<T>,
    width: usize,
}

impl<T: Sample> Strip<T> {
    /// The pick of `side` rows from each on; those that have fewer after them are dropped.
    #[inline(always)]
    fn down(mut self, side: usize, pick: impl Fn(T, T) -> T + Copy) -> Self {
        for distance in doublings(side) {
            let keep = self.samples.len() - distance * self.width;
            for row in (0..keep).step_by(self.width) {
                let (upper, lower) = self.samples.split_at_mut(row + distance * self.width);
                pick_into(&mut upper[row..row + self.width], lower, pick);
            }
            self.samples.truncate(keep);
        }
        self
    }
}

/// The pick of each sample and the one at the same place below.
#[inline(always)]
fn pick_into<T: Sample>(samples: &mut [T], more: &[T], pick: impl Fn(T, T) -> T) {
    let more = &more[..samples.len()];
    for at in 0..samples.len() {
        samples[at] = pick(samples[at], more[at]);
    }
}

/// The pick of `side` pixels from each on, of the first line; the second is for what comes between.
#[inline(always)]
fn along<T: Sample>(
    [from, to]: &mut [Vec<T>; 2],
    side: usize,
    channels: usize,
    results: &mut [T],
    pick: impl Fn(T, T) -> T + Copy,
) {
    let (mut from, mut to) = (from, to);
    let mut length = results.len() + (side - 1) * channels;
    for distance in doublings(side) {
        length -= distance * channels;
        picks(&mut to[..length], [&from[..length], &from[distance * channels..][..length]], pick);
        (from, to) = (to, from);
    }
    results.copy_from_slice(&from[..results.len()]);
}

/// By how much to go on so that twice as many are compared each time, and `side` in the end.
#[inline(always)]
fn doublings(side: usize) -> impl Iterator<Item = usize> {
    let whole = side.ilog2();
    let rest = side - (1 << whole);
    (0..whole).map(|power| 1 << power).chain((rest > 0).then_some(rest))
}
