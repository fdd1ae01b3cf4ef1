//! The sums of a window that is weighed by alpha: entered row by row, added down and across, divided.
//!
//! Owns the integers that hold them. Knows neither strips nor borders.

use std::collections::VecDeque;
use std::ops::{Add, AddAssign, Div, Mul, Range, SubAssign};

use super::Weights;

/// Samples of a turn: their sums stay in registers.
const TURN: usize = 16;

/// A sample, and the integers that its weighted sums fit: `top² · 2^16`, `top² · 2^32` and half a weight.
pub(super) trait Weighable: Copy + Send + 'static {
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

/// The rows of a window, colours times alpha, and the sums of their columns.
pub(super) struct Window<T: Weighable, const C: usize> {
    rows: VecDeque<Vec<T::Sum>>,
    columns: Vec<T::Sum>,
}

impl<T: Weighable, const C: usize> Window<T, C> {
    pub(super) fn new(length: usize) -> Self {
        Self { rows: VecDeque::new(), columns: vec![T::Sum::default(); length] }
    }

    /// Takes a row in; the oldest goes where there are `most`.
    #[inline(always)]
    pub(super) fn enter(&mut self, samples: &[T], most: usize) {
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
    pub(super) fn down(&self, weights: Weights<'_>, line: &mut [T::Sum]) {
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
pub(super) fn across<T: Weighable, const C: usize>(weights: Weights<'_>, line: &[T::Sum], out: &mut [T::Sum]) {
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
pub(super) fn divide<T: Weighable, const C: usize>(sums: &[T::Sum], results: &mut [T]) {
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
