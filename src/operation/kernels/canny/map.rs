//! Which pixels are peaks of the gradient, and how high.

use std::marker::PhantomData;

use super::super::Work;
use super::settle::Seams;
use crate::linking::{NONE, STRONG, WEAK};
use crate::operation::engine::frame::Frame;

/// How the size of a gradient is measured, and the integers that it fits.
pub(super) trait Measure {
    /// A size.
    type Size: Copy + Default + Ord + From<u8> + std::ops::Sub<Output = Self::Size>;

    fn size(gx: i16, gy: i16) -> Self::Size;
    /// A threshold; any that is above all sizes does.
    fn threshold(value: i32) -> Self::Size;
}

/// `|gx| + |gy|`, at most 2040.
pub(super) struct Absolute;

impl Measure for Absolute {
    type Size = i16;

    #[inline(always)]
    fn size(gx: i16, gy: i16) -> i16 {
        gx.abs() + gy.abs()
    }

    #[inline(always)]
    fn threshold(value: i32) -> i16 {
        value.min(i32::from(i16::MAX)) as i16
    }
}

/// `gx² + gy²`, at most 2 * 1020².
pub(super) struct Squared;

impl Measure for Squared {
    type Size = i32;

    #[inline(always)]
    fn size(gx: i16, gy: i16) -> i32 {
        let [gx, gy] = [gx, gy].map(i32::from);
        gx * gx + gy * gy
    }

    #[inline(always)]
    fn threshold(value: i32) -> i32 {
        value
    }
}

/// The map of a frame of radius 2, the edge repeated, before it is settled.
pub(super) struct Gradients<'a, M> {
    frame: &'a Frame<'a, u8>,
    seams: Seams,
    thresholds: [i32; 2],
    measure: PhantomData<M>,
}

impl<'a, M: Measure> Gradients<'a, M> {
    /// With the lower and the higher threshold; `seams` says where the picture goes on.
    pub(super) fn new(frame: &'a Frame<'a, u8>, seams: Seams, thresholds: [i32; 2]) -> Self {
        Self { frame, seams, thresholds, measure: PhantomData }
    }
}

impl<M: Measure> Work for Gradients<'_, M> {
    type Result = Vec<u8>;

    #[inline(always)]
    fn run(self) -> Vec<u8> {
        let width = self.frame.output_row_len();
        let [low, high] = self.thresholds.map(M::threshold);
        let mut out = vec![NONE; self.frame.output_len()];
        // Three rows around the one in hand, each with a pixel more on both sides.
        let mut lines: [Line<M>; 3] = std::array::from_fn(|_| Line::new(width + 2));
        self.fill(&mut lines[1], 0);
        self.fill(&mut lines[2], 1);
        for (row, results) in out.chunks_exact_mut(width).enumerate() {
            lines.rotate_left(1);
            self.fill(&mut lines[2], row + 2);
            peaks(&lines, [low, high], results);
        }
        out
    }
}

impl<M: Measure> Gradients<'_, M> {
    /// The gradients of row `row`, counted from the one above the part asked for.
    #[inline(always)]
    fn fill(&self, line: &mut Line<M>, row: usize) {
        let beyond = (row == 0 && !self.seams.top) || (row == self.frame.rows() - 3 && !self.seams.bottom);
        if beyond {
            line.sizes.fill(M::Size::default());
            return;
        }
        let [above, at, below] = [row, row + 1, row + 2].map(|row| self.frame.row(row));
        line.measure(above, at, below);
        let last = line.sizes.len() - 1;
        if !self.seams.left {
            line.sizes[0] = M::Size::default();
        }
        if !self.seams.right {
            line.sizes[last] = M::Size::default();
        }
    }
}

/// The gradients of a row.
struct Line<M: Measure> {
    across: Vec<i16>,
    down: Vec<i16>,
    sizes: Vec<M::Size>,
}

impl<M: Measure> Line<M> {
    fn new(length: usize) -> Self {
        Self { across: vec![0; length], down: vec![0; length], sizes: vec![M::Size::default(); length] }
    }

    #[inline(always)]
    fn measure(&mut self, above: &[u8], at: &[u8], below: &[u8]) {
        let length = self.sizes.len();
        let columns = |row| -> [&[u8]; 3] { std::array::from_fn(|at| &<&[u8]>::clone(row)[at..][..length]) };
        let ([a, b, c], [d, _, f], [g, h, i]) = (columns(&above), columns(&at), columns(&below));
        let (across, down, sizes) = (&mut self.across[..length], &mut self.down[..length], &mut self.sizes[..length]);
        for x in 0..length {
            let v = |row: &[u8]| i16::from(row[x]);
            let gx = v(c) + 2 * v(f) + v(i) - v(a) - 2 * v(d) - v(g);
            let gy = v(g) + 2 * v(h) + v(i) - v(a) - 2 * v(b) - v(c);
            (across[x], down[x], sizes[x]) = (gx, gy, M::size(gx, gy));
        }
    }
}

/// The map of a row. `tan 22.5° = 13573 / 2¹⁵`: with `t` the product of that and `|gx|`, rounded down, the slope is
/// flat if `|gy| <= t` (and `gx` is not 0: then the product is never whole), and steep if
/// `|gy| > t + 2 |gx|`.
#[inline(always)]
fn peaks<M: Measure>(lines: &[Line<M>; 3], [low, high]: [M::Size; 2], results: &mut [u8]) {
    let length = results.len();
    let columns = |line: usize| [0, 1, 2].map(|column| &lines[line].sizes[column..][..length]);
    // All of them are read, wherever the slope leads: a choice between values needs no branch.
    let ([a, b, c], [d, e, f], [g, h, i]) = (columns(0), columns(1), columns(2));
    let (across, down) = (&lines[1].across[1..][..length], &lines[1].down[1..][..length]);
    let one = M::Size::from(1);
    for x in 0..length {
        let (gx, gy, size) = (across[x], down[x], e[x]);
        let (ax, ay) = (gx.abs(), gy.abs());
        let t = ((2 * i32::from(ax) * 13573) >> 16) as i16;
        let (flat, steep) = ((ax > 0) & (ay <= t), ay > t + 2 * ax);
        let (upper, lower) = ([a[x], b[x], c[x]], [g[x], h[x] - one, i[x]]);
        let (before, after) = (d[x], f[x] - one);
        // The signs differ: up right and down left.
        let rising = (gx ^ gy) < 0;
        let (first, second) = if rising { (upper[2], lower[0]) } else { (upper[0], lower[2]) };
        let (first, second) = if steep { (upper[1], lower[1]) } else { (first, second) };
        let (first, second) = if flat { (before, after) } else { (first, second) };
        let peak = (size > first) & (size > second) & (size > low);
        let height = if size > high { STRONG } else { WEAK };
        results[x] = if peak { height } else { NONE };
    }
}
