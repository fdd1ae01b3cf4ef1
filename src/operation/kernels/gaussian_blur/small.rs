//! The Gaussian of 8 bit for kernels of 3 and 5 whose weights have few bits: all sums fit 16.
//!
//! The weights are divided by what they have in common, which is a power of two as their sum is. With a sum of at
//! most 16 left, the weighted sum of a square is at most 255 * 16², and there is room to round it.

use super::strips::Plane;
use super::taps::Taps;
use crate::operation::engine::cpu::Work;

/// The largest sum of divided weights.
const LARGEST_SUM: u32 = 16;

/// A small kernel on a plane.
pub(super) struct Small<'a> {
    plane: Plane<'a, u8>,
    /// The weight of the centre, then outwards.
    weights: [u16; 3],
    side: usize,
    /// Bits to round away.
    shift: u32,
}

impl<'a> Small<'a> {
    /// `None` if the kernel is not of that kind.
    pub(super) fn new(plane: Plane<'a, u8>, taps: &Taps) -> Option<Self> {
        let (all, side) = (taps.all(), taps.all().len());
        let common = all.iter().map(|tap| tap.trailing_zeros()).min()?;
        let sum: u32 = all.iter().map(|tap| tap >> common).sum();
        let small = (side == 3 || side == 5) && sum <= LARGEST_SUM;
        let weight = |out: usize| all.get(side / 2 + out).map_or(0, |tap| (tap >> common) as u16);
        small.then(|| Self { plane, weights: [weight(0), weight(1), weight(2)], side, shift: 2 * sum.ilog2() })
    }

    #[inline(always)]
    fn blurred<const SIDE: usize>(&self) -> Vec<u8> {
        let plane = self.plane;
        let mut out = vec![0; plane.output_len()];
        for strip in plane.strips(plane.keep.width as usize, SIDE / 2) {
            let mut line = vec![0; strip.line_len()];
            for row in 0..plane.keep.height as usize {
                let top = i64::from(plane.keep.y) + row as i64 - (SIDE / 2) as i64;
                let rows: [&[u8]; SIDE] = std::array::from_fn(|at| plane.row(top + at as i64, &strip));
                self.down(rows, &mut line[strip.inner()]);
                strip.mirror(&mut line);
                self.across::<SIDE>(&line, &mut out[plane.output_range(row, &strip)]);
            }
        }
        out
    }

    /// The weighted sums of columns.
    #[inline(always)]
    fn down<const SIDE: usize>(&self, rows: [&[u8]; SIDE], line: &mut [u16]) {
        let length = line.len();
        let rows = rows.map(|row| &row[..length]);
        for at in 0..length {
            line[at] = self.sum::<SIDE>(|row| u16::from(rows[row][at]));
        }
    }

    /// The rounded weighted sums of those along the row.
    #[inline(always)]
    fn across<const SIDE: usize>(&self, line: &[u16], results: &mut [u8]) {
        let length = results.len();
        let columns: [&[u16]; SIDE] = std::array::from_fn(|at| &line[at * self.plane.channels..][..length]);
        let half = 1u16 << (self.shift - 1);
        for at in 0..length {
            results[at] = (self.sum::<SIDE>(|column| columns[column][at]).wrapping_add(half) >> self.shift) as u8;
        }
    }

    #[inline(always)]
    fn sum<const SIDE: usize>(&self, sample: impl Fn(usize) -> u16) -> u16 {
        let center = sample(SIDE / 2).wrapping_mul(self.weights[0]);
        let pair =
            |out: usize| sample(SIDE / 2 - out).wrapping_add(sample(SIDE / 2 + out)).wrapping_mul(self.weights[out]);
        if SIDE == 3 { center.wrapping_add(pair(1)) } else { center.wrapping_add(pair(1)).wrapping_add(pair(2)) }
    }
}

impl Work for Small<'_> {
    type Result = Vec<u8>;

    #[inline(always)]
    fn run(self) -> Vec<u8> {
        if self.side == 3 { self.blurred::<3>() } else { self.blurred::<5>() }
    }
}
