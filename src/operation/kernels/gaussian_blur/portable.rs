//! The Gaussian in plain Rust, for both depths; compiled for AVX2 too.

use super::strips::Plane;
use super::taps::Taps;

/// Samples of a turn: their sums stay in registers.
const TURN: usize = 32;
/// Columns of a strip.
const STRIP_COLUMNS: usize = 512;

/// A sample, and the integers that its weighted sums fit.
pub(super) trait Sample: Copy + Default {
    /// A column's weighted sum: at most `top << b`.
    type Column: Copy + Default;
    /// The sum over both directions: at most `top << 2b`.
    type Sum: Copy + Default;

    /// Adds two samples of the same weight.
    fn add_samples(sum: Self::Column, tap: u32, first: Self, second: Self) -> Self::Column;
    /// Adds two columns of the same weight.
    fn add_columns(sum: Self::Sum, tap: u32, first: Self::Column, second: Self::Column) -> Self::Sum;
    /// Rounds to a sample.
    fn round(sum: Self::Sum) -> Self;
}

impl Sample for u8 {
    type Column = u16;
    type Sum = u32;

    #[inline(always)]
    fn add_samples(sum: u16, tap: u32, first: u8, second: u8) -> u16 {
        sum.wrapping_add((tap as u16).wrapping_mul(u16::from(first) + u16::from(second)))
    }

    #[inline(always)]
    fn add_columns(sum: u32, tap: u32, first: u16, second: u16) -> u32 {
        sum.wrapping_add(tap.wrapping_mul(u32::from(first) + u32::from(second)))
    }

    #[inline(always)]
    fn round(sum: u32) -> u8 {
        ((sum + (1 << 15)) >> 16) as u8
    }
}

impl Sample for u16 {
    type Column = u32;
    type Sum = u64;

    #[inline(always)]
    fn add_samples(sum: u32, tap: u32, first: u16, second: u16) -> u32 {
        sum.wrapping_add(tap.wrapping_mul(u32::from(first) + u32::from(second)))
    }

    #[inline(always)]
    fn add_columns(sum: u64, tap: u32, first: u32, second: u32) -> u64 {
        sum.wrapping_add(u64::from(tap).wrapping_mul(u64::from(first) + u64::from(second)))
    }

    #[inline(always)]
    fn round(sum: u64) -> u16 {
        ((sum + (1 << 31)) >> 32) as u16
    }
}

/// Blurs the part of a plane that is asked for.
#[inline(always)]
pub(super) fn blur<T: Sample>(plane: Plane<'_, T>, taps: &Taps) -> Vec<T> {
    let mut out = vec![T::default(); plane.output_len()];
    let radius = taps.radius();
    for strip in plane.strips(STRIP_COLUMNS, radius) {
        let mut line = vec![T::Column::default(); strip.line_len()];
        for row in 0..plane.keep.height as usize {
            let top = i64::from(plane.keep.y) + row as i64 - radius as i64;
            let rows: Vec<&[T]> = (0..taps.all().len() as i64).map(|at| plane.row(top + at, &strip)).collect();
            vertical(&rows, taps.all(), &mut line[strip.inner()]);
            strip.mirror(&mut line);
            horizontal(&line, taps.all(), plane.channels, &mut out[plane.output_range(row, &strip)]);
        }
    }
    out
}

/// The weighted sums of the columns of as many rows as there are taps.
#[inline(always)]
pub(super) fn vertical<T: Sample>(rows: &[&[T]], taps: &[u32], line: &mut [T::Column]) {
    let radius = rows.len() / 2;
    for (turn, sums) in line.chunks_mut(TURN).enumerate() {
        let columns = turn * TURN..turn * TURN + sums.len();
        let mut acc = [T::Column::default(); TURN];
        let center = &rows[radius][columns.clone()];
        let none = [T::default(); TURN];
        add(&mut acc, center, &none, |sum, first, second| T::add_samples(sum, taps[radius], first, second));
        for (at, tap) in taps[..radius].iter().enumerate() {
            let (first, second) = (&rows[at][columns.clone()], &rows[2 * radius - at][columns.clone()]);
            add(&mut acc, first, second, |sum, first, second| T::add_samples(sum, *tap, first, second));
        }
        sums.copy_from_slice(&acc[..sums.len()]);
    }
}

#[inline(always)]
fn horizontal<T: Sample>(line: &[T::Column], taps: &[u32], channels: usize, out: &mut [T]) {
    let radius = taps.len() / 2;
    for (turn, samples) in out.chunks_mut(TURN).enumerate() {
        let place = |at: usize| turn * TURN + at * channels..turn * TURN + at * channels + samples.len();
        let mut acc = [T::Sum::default(); TURN];
        let none = [T::Column::default(); TURN];
        let center = &line[place(radius)];
        add(&mut acc, center, &none, |sum, first, second| T::add_columns(sum, taps[radius], first, second));
        for (at, tap) in taps[..radius].iter().enumerate() {
            let (first, second) = (&line[place(at)], &line[place(2 * radius - at)]);
            add(&mut acc, first, second, |sum, first, second| T::add_columns(sum, *tap, first, second));
        }
        samples.iter_mut().zip(acc).for_each(|(sample, sum)| *sample = T::round(sum));
    }
}

/// Adds to each sum; whole turns have a fixed length, so that they become vector instructions.
#[inline(always)]
fn add<A: Copy, S: Copy>(sums: &mut [A; TURN], first: &[S], second: &[S], sum: impl Fn(A, S, S) -> A) {
    if let (Ok(first), Ok(second)) = (<&[S; TURN]>::try_from(first), <&[S; TURN]>::try_from(second)) {
        for at in 0..TURN {
            sums[at] = sum(sums[at], first[at], second[at]);
        }
    } else {
        for ((acc, first), second) in sums.iter_mut().zip(first).zip(second) {
            *acc = sum(*acc, *first, *second);
        }
    }
}
