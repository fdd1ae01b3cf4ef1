//! Colours weighed by alpha: what is transparent has no colour to give.
//!
//! Owns the arithmetic that `gaussian_blur`, `box_blur` and `unsharp` share: `(N + S / 2) / S` with `N = Σ w a c` and
//! `S = Σ w a` over a window, in integers that hold them. Begins with results in which each channel stands alone, and
//! changes their colours where the window has any alpha.

use std::collections::VecDeque;
use std::ops::{Add, AddAssign, Div, Mul, Range, SubAssign};

use super::area::Area;
use super::cpu::{Cpu, Work};
use super::strips::Plane;
use crate::operation::error::StepError;
use crate::operation::parameter::Value;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Pixels, Samples};

/// Columns of a strip: the rows of its window stay in the cache.
const STRIP_COLUMNS: usize = 256;
/// Samples of a turn: their sums stay in registers.
const TURN: usize = 16;

/// The words of the parameter `alpha`, the usual one first.
pub(crate) const WORDS: [Value; 2] = [Value::Word("weighted"), Value::Word("separate")];
/// What they mean, for people.
pub(crate) const HELP: &str = "weighted: what is transparent gives no colour; separate: each channel by itself";

/// What alpha has to do with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weighing {
    /// It weighs them.
    Weighted,
    /// Nothing: each channel stands alone.
    Separate,
}

impl Weighing {
    /// What a word of the parameter means.
    pub(crate) fn of(word: &str) -> Self {
        if word == "separate" { Self::Separate } else { Self::Weighted }
    }

    /// Whether the colours of an area are others than with each channel alone: a picture without alpha, and one of
    /// the same alpha all over, has the same either way.
    pub(crate) fn changes(self, area: &Area) -> bool {
        let channels = area.pixels().format().layout.channels();
        let has_alpha = area.pixels().format().layout.has_alpha();
        self == Self::Weighted
            && has_alpha
            && match area.pixels().samples() {
                Samples::Eight(samples) => varies(samples, channels),
                Samples::Sixteen(samples) => varies(samples, channels),
            }
    }
}

fn varies<T: Copy + PartialEq>(samples: &[T], channels: usize) -> bool {
    let mut alpha = samples.iter().skip(channels - 1).step_by(channels);
    let first = alpha.next();
    alpha.any(|other| Some(other) != first)
}

/// The weights of a window, the same across and down.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weights<'a> {
    /// These.
    Taps(&'a [u32]),
    /// As many ones.
    Ones(usize),
}

impl Weights<'_> {
    fn count(self) -> usize {
        match self {
            Self::Taps(taps) => taps.len(),
            Self::Ones(count) => count,
        }
    }
}

/// A sample, and the integers that its weighted sums fit: `top² · 2^16`, `top² · 2^32` and half a weight.
pub(crate) trait Weighable: Copy + Send + 'static {
    /// These integers.
    type Sum: Copy
        + Default
        + PartialEq
        + Add<Output = Self::Sum>
        + AddAssign
        + SubAssign
        + Mul<Output = Self::Sum>
        + Div<Output = Self::Sum>
        + From<u32>;

    /// The sample as a sum.
    fn sum(self) -> Self::Sum;
    /// The sample of a quotient, which is in range.
    fn of(quotient: Self::Sum) -> Self;
}

impl Weighable for u8 {
    type Sum = u32;

    #[inline(always)]
    fn sum(self) -> u32 {
        self.into()
    }

    #[inline(always)]
    fn of(quotient: u32) -> u8 {
        quotient as u8
    }
}

impl Weighable for u16 {
    type Sum = u64;

    #[inline(always)]
    fn sum(self) -> u64 {
        self.into()
    }

    #[inline(always)]
    fn of(quotient: u64) -> u16 {
        quotient as u16
    }
}

/// Changes `results`, of the part of the area that is asked for with each channel alone, to colours weighed by alpha.
///
/// # Errors
/// If the results have another depth.
pub(crate) fn weigh(
    cpu: Cpu,
    area: &Area,
    eight: Weights<'_>,
    sixteen: Weights<'_>,
    results: &mut Pixels,
) -> Result<(), StepError> {
    match (area.pixels().samples(), results.samples_mut()) {
        (Samples::Eight(samples), SamplesMut::Eight(results)) => {
            cpu.run(Weigher { plane: Plane::new(area, samples), weights: eight, results });
        }
        (Samples::Sixteen(samples), SamplesMut::Sixteen(results)) => {
            cpu.run(Weigher { plane: Plane::new(area, samples), weights: sixteen, results });
        }
        _ => return Err(StepError::Tile("weighing by alpha: a step changed the depth".to_owned())),
    }
    Ok(())
}

struct Weigher<'a, T> {
    plane: Plane<'a, T>,
    weights: Weights<'a>,
    results: &'a mut [T],
}

impl<T: Weighable> Work for Weigher<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        match self.plane.channels {
            2 => self.weigh::<2>(),
            _ => self.weigh::<4>(),
        }
    }
}

impl<T: Weighable> Weigher<'_, T> {
    #[inline(always)]
    fn weigh<const C: usize>(self) {
        let (plane, weights) = (self.plane, self.weights);
        let count = weights.count();
        let radius = count / 2;
        for strip in plane.strips(STRIP_COLUMNS, radius) {
            let mut line = vec![T::Sum::default(); strip.line_len()];
            let mut sums = vec![T::Sum::default(); strip.columns.len() * C];
            let mut window = Window::<T, C>::new(strip.inner().len());
            for row in 0..plane.keep.height as usize {
                let top = i64::from(plane.keep.y) + row as i64 - radius as i64;
                let fresh = if row == 0 { 0 } else { count - 1 };
                (fresh..count).for_each(|at| window.enter(plane.row(top + at as i64, &strip), count));
                window.down(weights, &mut line[strip.inner()]);
                strip.mirror(&mut line);
                across::<T, C>(weights, &line, &mut sums);
                divide::<T, C>(&sums, &mut self.results[plane.output_range(row, &strip)]);
            }
        }
    }
}

/// The rows of a window, colours times alpha, and the sums of their columns.
struct Window<T: Weighable, const C: usize> {
    rows: VecDeque<Vec<T::Sum>>,
    columns: Vec<T::Sum>,
}

impl<T: Weighable, const C: usize> Window<T, C> {
    fn new(length: usize) -> Self {
        Self { rows: VecDeque::new(), columns: vec![T::Sum::default(); length] }
    }

    /// Takes a row in; the oldest goes where there are `most`.
    #[inline(always)]
    fn enter(&mut self, samples: &[T], most: usize) {
        let mut row = match self.rows.pop_front() {
            Some(oldest) if self.rows.len() + 1 == most => {
                self.columns.iter_mut().zip(&oldest).for_each(|(sum, leaving)| *sum -= *leaving);
                oldest
            }
            Some(oldest) => {
                self.rows.push_front(oldest);
                vec![T::Sum::default(); self.columns.len()]
            }
            None => vec![T::Sum::default(); self.columns.len()],
        };
        for (products, pixel) in row.as_chunks_mut::<C>().0.iter_mut().zip(samples.as_chunks::<C>().0) {
            let alpha = pixel[C - 1].sum();
            for channel in 0..C - 1 {
                products[channel] = pixel[channel].sum() * alpha;
            }
            products[C - 1] = alpha;
        }
        self.columns.iter_mut().zip(&row).for_each(|(sum, entering)| *sum += *entering);
        self.rows.push_back(row);
    }

    /// The weighted sums of the columns.
    #[inline(always)]
    fn down(&self, weights: Weights<'_>, line: &mut [T::Sum]) {
        let Weights::Taps(taps) = weights else { return line.copy_from_slice(&self.columns) };
        for (turn, sums) in line.chunks_mut(TURN).enumerate() {
            let place = turn * TURN..turn * TURN + sums.len();
            let mut totals = [T::Sum::default(); TURN];
            for (row, tap) in self.rows.iter().zip(taps) {
                add::<T>(&mut totals, &row[place.clone()], (*tap).into());
            }
            sums.copy_from_slice(&totals[..sums.len()]);
        }
    }
}

/// The weighted sums along a line.
#[inline(always)]
fn across<T: Weighable, const C: usize>(weights: Weights<'_>, line: &[T::Sum], out: &mut [T::Sum]) {
    match weights {
        Weights::Taps(taps) => {
            for (turn, sums) in out.chunks_mut(TURN).enumerate() {
                let place = |at: usize| -> Range<usize> { turn * TURN + at * C..turn * TURN + at * C + sums.len() };
                let mut totals = [T::Sum::default(); TURN];
                for (at, tap) in taps.iter().enumerate() {
                    add::<T>(&mut totals, &line[place(at)], (*tap).into());
                }
                sums.copy_from_slice(&totals[..sums.len()]);
            }
        }
        Weights::Ones(count) => {
            let mut totals = [T::Sum::default(); C];
            let pixels = line.as_chunks::<C>().0;
            let add = |totals: &mut [T::Sum; C], pixel: &[T::Sum; C]| (0..C).for_each(|at| totals[at] += pixel[at]);
            pixels[..count - 1].iter().for_each(|pixel| add(&mut totals, pixel));
            let entering = &pixels[count - 1..];
            for ((sums, entering), leaving) in out.as_chunks_mut::<C>().0.iter_mut().zip(entering).zip(pixels) {
                add(&mut totals, entering);
                *sums = totals;
                (0..C).for_each(|at| totals[at] -= leaving[at]);
            }
        }
    }
}

/// Adds to each sum; whole turns have a fixed length, so that they become vector instructions.
#[inline(always)]
fn add<T: Weighable>(totals: &mut [T::Sum; TURN], samples: &[T::Sum], tap: T::Sum) {
    if let Ok(samples) = <&[T::Sum; TURN]>::try_from(samples) {
        for at in 0..TURN {
            totals[at] += samples[at] * tap;
        }
    } else {
        totals.iter_mut().zip(samples).for_each(|(total, sample)| *total += *sample * tap);
    }
}

/// The colours of a row, where there is alpha in their windows.
#[inline(always)]
fn divide<T: Weighable, const C: usize>(sums: &[T::Sum], results: &mut [T]) {
    let two = T::Sum::from(2);
    for (result, sums) in results.as_chunks_mut::<C>().0.iter_mut().zip(sums.as_chunks::<C>().0) {
        let weight = sums[C - 1];
        if weight != T::Sum::default() {
            for channel in 0..C - 1 {
                result[channel] = T::of((sums[channel] + weight / two) / weight);
            }
        }
    }
}
