//! The largest or smallest sample of a square: down the columns first, then along each row of what that gives.
//!
//! Large squares take the same work a sample as small ones: rows are compared from the edges of blocks of as many,
//! columns by windows of which each is up to five of the last.
//!
//! # Source
//! M. van Herk, "A fast algorithm for local minimum and maximum filters", 1992.

use crate::operation::Cpu;
use crate::operation::engine::filter::Filter;
use crate::operation::engine::frame::Frame;
use crate::operation::engine::lanes::along;
use crate::operation::engine::sample::Sample;
use crate::operation::engine::vectors::{Compare, Places};

/// Which sample is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::operation::kernels) enum Most {
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
    pub(super) cpu: Cpu,
}

impl Filter for Extremum {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        match self.most {
            Most::Largest => Squares { side: self.side, cpu: self.cpu, best: Best(Largest) }.picked(frame),
            Most::Smallest => Squares { side: self.side, cpu: self.cpu, best: Best(Smallest) }.picked(frame),
        }
    }
}

/// Which of two stays.
trait Pick: Copy {
    fn pick<C: Compare>(self, one: C, other: C) -> C;
}

#[derive(Clone, Copy)]
struct Largest;

impl Pick for Largest {
    #[inline(always)]
    fn pick<C: Compare>(self, one: C, other: C) -> C {
        one.high(other)
    }
}

#[derive(Clone, Copy)]
struct Smallest;

impl Pick for Smallest {
    #[inline(always)]
    fn pick<C: Compare>(self, one: C, other: C) -> C {
        one.low(other)
    }
}

#[derive(Clone, Copy)]
struct Best<P>(P);

/// The best of all.
impl<P: Pick, const FROM: usize> Places<FROM, 1> for Best<P> {
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 1] {
        let mut best = sample(0);
        for at in 1..FROM {
            best = self.0.pick(best, sample(at));
        }
        [best]
    }
}

/// The best of the first two, and of all.
impl<P: Pick> Places<3, 2> for Best<P> {
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 2] {
        let best = self.0.pick(sample(0), sample(1));
        [best, self.0.pick(best, sample(2))]
    }
}

/// The best of all but the last, and of all but the first: what two rows that follow each other need.
#[derive(Clone, Copy)]
struct Two<P>(P);

impl<P: Pick, const FROM: usize> Places<FROM, 2> for Two<P> {
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 2] {
        let mut shared = sample(1);
        for at in 2..FROM - 1 {
            shared = self.0.pick(shared, sample(at));
        }
        [self.0.pick(sample(0), shared), self.0.pick(shared, sample(FROM - 1))]
    }
}

#[derive(Clone, Copy)]
struct Squares<P> {
    side: usize,
    cpu: Cpu,
    best: Best<P>,
}

impl<P: Pick> Squares<P> {
    fn picked<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        let mut out = vec![T::default(); frame.output_len()];
        match self.side {
            1 => {
                let rows = out.chunks_exact_mut(frame.output_row_len()).enumerate();
                rows.for_each(|(row, results)| results.copy_from_slice(frame.center(row)));
            }
            3 => self.by_rows::<T, 3, 4>(frame, &mut out),
            5 => self.by_rows::<T, 5, 6>(frame, &mut out),
            7 => self.by_rows::<T, 7, 8>(frame, &mut out),
            _ => self.by_blocks(frame, &mut out),
        }
        out
    }

    /// Few rows: all of them for each two rows of results, which need `MORE`, one more than `SIDE`.
    fn by_rows<T: Sample, const SIDE: usize, const MORE: usize>(self, frame: &Frame<'_, T>, out: &mut [T]) {
        let length = frame.output_row_len();
        let [mut upper, mut lower, mut spare] = std::array::from_fn(|_| vec![T::default(); frame.row_len()]);
        for (pair, results) in out.chunks_mut(2 * length).enumerate() {
            let (above, below) = results.split_at_mut(length);
            if below.is_empty() {
                along(self.cpu, frame.square::<SIDE>(2 * pair), [&mut upper], self.best);
            } else {
                along(self.cpu, frame.square::<MORE>(2 * pair), [&mut upper, &mut lower], Two(self.best.0));
                self.across([&mut lower, &mut spare], frame.channels(), below);
            }
            self.across([&mut upper, &mut spare], frame.channels(), above);
        }
    }

    /// Many rows: each square has the tail of a block of as many rows, and the head of the next.
    fn by_blocks<T: Sample>(self, frame: &Frame<'_, T>, out: &mut [T]) {
        let length = frame.output_row_len();
        let mut tails = vec![vec![T::default(); frame.row_len()]; self.side];
        let [mut head, mut next, mut line, mut spare] = std::array::from_fn(|_| vec![T::default(); frame.row_len()]);
        for (block, out) in out.chunks_mut(length * self.side).enumerate() {
            let start = block * self.side;
            self.tails(frame, start, &mut tails);
            for (at, (results, tail)) in out.chunks_exact_mut(length).zip(&tails).enumerate() {
                if at == 0 {
                    line.copy_from_slice(tail);
                } else {
                    let row = frame.row(start + self.side + at - 1);
                    let so_far = if at == 1 { row } else { &head[..] };
                    along(self.cpu, [so_far, row, tail], [&mut next, &mut line], self.best);
                    std::mem::swap(&mut head, &mut next);
                }
                self.across([&mut line, &mut spare], frame.channels(), results);
            }
        }
    }

    /// The best of each row of a block from `start` on and all after it in the block.
    fn tails<T: Sample>(self, frame: &Frame<'_, T>, start: usize, tails: &mut [Vec<T>]) {
        tails[self.side - 1].copy_from_slice(frame.row(start + self.side - 1));
        for at in (0..self.side - 1).rev() {
            let (upper, lower) = tails.split_at_mut(at + 1);
            along(self.cpu, [frame.row(start + at), &lower[0]], [&mut upper[at]], self.best);
        }
    }

    /// The best of `side` pixels from each on, of the first line; the second is for what comes between.
    fn across<T: Sample>(self, [mut from, mut to]: [&mut Vec<T>; 2], channels: usize, results: &mut [T]) {
        let mut window = 1;
        while 5 * window < self.side {
            let length = results.len() + (self.side - 4 * window) * channels;
            self.windows::<T, 4>(from, window, 4 * window, channels, &mut to[..length]);
            (from, to) = (to, from);
            window *= 4;
        }
        match self.side.div_ceil(window) {
            2 => self.windows::<T, 2>(from, window, self.side, channels, results),
            3 => self.windows::<T, 3>(from, window, self.side, channels, results),
            4 => self.windows::<T, 4>(from, window, self.side, channels, results),
            _ => self.windows::<T, 5>(from, window, self.side, channels, results),
        }
    }

    /// From windows of `window` pixels to those of `wider`, which `COUNT` of them cover.
    fn windows<T: Sample, const COUNT: usize>(
        self,
        from: &[T],
        window: usize,
        wider: usize,
        channels: usize,
        to: &mut [T],
    ) {
        let length = to.len();
        let first = |at: usize| (at * window).min(wider - window) * channels;
        let from: [&[T]; COUNT] = std::array::from_fn(|at| &from[first(at)..][..length]);
        along(self.cpu, from, [to], self.best);
    }
}
