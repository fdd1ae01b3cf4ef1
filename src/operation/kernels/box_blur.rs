//! `box_blur`: the mean of a square, by running sums.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Filter, Surroundings, filtered};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::{Sample, Total, whole32, whole64};
use crate::operation::engine::weighed::{self, Weighing, Weights};
use crate::picture::{Depth, Pixels};

/// Largest side of a square whose totals fit [`Sample::Total`]; beyond it sums along a row run on.
const NARROW_SIDE: usize = 15;
/// Largest side for which 8-bit means are exact in single precision; a test goes through all of them.
const SINGLE_SIDE: usize = 63;
/// Samples of a turn along a row: their totals stay in registers.
const TURN: usize = 64;

/// `(sum + area / 2) / area` over a square of `ksize`², every channel by itself, alpha too. With `alpha=weighted`
/// colours are weighed by alpha instead: `(N + S / 2) / S` with `N = Σ a c` and `S = Σ a`, where `S` is not 0.
///
/// # Shape
/// The same layout and depth as the input; `ksize / 2` pixels of halo, mirrored (reflect101) at the
/// picture's edge.
///
/// # Source
/// OpenCV's `blur` on 8 bit, bit for bit; its 16-bit `blur` rounds twice and differs, so there the
/// definition is this one. `imageproc`'s box filter repeats the edge and cuts off: other results.
pub(crate) const DEFINITION: Definition = Definition {
    name: "box_blur",
    help: "a plain blur, the mean of a square",
    kind: Kind::Local,
    halo: Halo::Half("ksize"),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[
        Parameter::odd("ksize", 5, 255, "side of the square in pixels"),
        Parameter::word("alpha", &weighed::WORDS, weighed::HELP),
    ],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(ksize), Value::Word(alpha)] => {
            let (side, weighing) = (*ksize as usize, Weighing::of(alpha));
            Ok(Box::new(BoxBlur { side, weighing, cpu: Cpu::detect() }))
        }
        _ => Err(StepError::Grammar("box_blur: needs ksize and alpha".to_owned())),
    }
}

#[derive(Debug)]
struct BoxBlur {
    side: usize,
    weighing: Weighing,
    cpu: Cpu,
}

impl Kernel for BoxBlur {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let mut means = mean(self.cpu, &area, self.side, Border::Reflect101)?;
        if self.weighing.changes(&area) {
            let ones = Weights::Ones(self.side);
            weighed::weigh(self.cpu, &area, ones, ones, &mut means)?;
        }
        Ok(means)
    }
}

/// The mean of the square of `side` around each sample.
pub(super) fn mean(cpu: Cpu, area: &Area, side: usize, border: Border) -> Result<Pixels, StepError> {
    filtered(area, Surroundings { cpu, radius: side / 2, border, alpha: Alpha::Same }, Mean { side })
}

#[derive(Clone, Copy)]
struct Mean {
    side: usize,
}

impl Filter for Mean {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        let rounding = Rounding::new(self.side);
        if self.side > NARROW_SIDE {
            return self.running::<T>(frame, rounding);
        }
        let mut out = vec![T::default(); frame.output_len()];
        let mut columns = vec![T::Total::default(); frame.row_len()];
        (0..self.side - 1).for_each(|row| add(&mut columns, frame.row(row)));
        for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
            add(&mut columns, frame.row(row + self.side - 1));
            self.along(&columns, frame.channels(), rounding, results);
            let leaving = columns.iter_mut().zip(frame.row(row));
            leaving.for_each(|(total, sample)| *total = total.minus(sample.to_total()));
        }
        out
    }
}

impl Mean {
    /// The means of a row, adding the columns' totals of each window again: there are few.
    #[inline(always)]
    fn along<T: Sample>(self, columns: &[T::Total], channels: usize, rounding: Rounding, results: &mut [T]) {
        let mut turns = results.chunks_exact_mut(TURN);
        let mut start = 0;
        for results in turns.by_ref() {
            let mut totals = [T::Total::default(); TURN];
            for at in 0..self.side {
                let columns = &columns[start + at * channels..][..TURN];
                totals.iter_mut().zip(columns).for_each(|(total, column)| *total = total.plus(*column));
            }
            rounding.round(&totals, results);
            start += TURN;
        }
        for (at, result) in turns.into_remainder().iter_mut().enumerate() {
            let window = (0..self.side).map(|column| columns[start + at + column * channels]);
            let total = window.fold(T::Total::default(), T::Total::plus);
            rounding.round(&[total], std::slice::from_mut(result));
        }
    }

    /// The same for large squares: sums from the beginning of each row, whose differences are the totals.
    #[inline(always)]
    fn running<T: Sample>(self, frame: &Frame<'_, T>, rounding: Rounding) -> Vec<T> {
        let (length, channels) = (frame.row_len(), frame.channels());
        let mut out = vec![T::default(); frame.output_len()];
        let mut columns = vec![0u32; length];
        // One pixel of zeros, then the sums up to and with each pixel; they wrap, their differences fit.
        let mut sums = vec![0u32; channels + length];
        (0..self.side - 1).for_each(|row| add_wide(&mut columns, frame.row(row)));
        for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
            add_wide(&mut columns, frame.row(row + self.side - 1));
            match channels {
                1 => run_on::<1>(&columns, &mut sums),
                2 => run_on::<2>(&columns, &mut sums),
                3 => run_on::<3>(&columns, &mut sums),
                _ => run_on::<4>(&columns, &mut sums),
            }
            let ends = sums[self.side * channels..].iter().zip(&sums);
            rounding.round_differences(ends, results);
            let leaving = columns.iter_mut().zip(frame.row(row));
            leaving.for_each(|(total, sample)| *total = total.wrapping_sub(sample.wide() as u32));
        }
        out
    }
}

#[inline(always)]
fn add<T: Sample>(columns: &mut [T::Total], row: &[T]) {
    columns.iter_mut().zip(row).for_each(|(total, sample)| *total = total.plus(sample.to_total()));
}

#[inline(always)]
fn add_wide<T: Sample>(columns: &mut [u32], row: &[T]) {
    columns.iter_mut().zip(row).for_each(|(total, sample)| *total = total.wrapping_add(sample.wide() as u32));
}

/// Sums from the beginning of a row, channel by channel.
#[inline(always)]
fn run_on<const CHANNELS: usize>(columns: &[u32], sums: &mut [u32]) {
    let mut so_far = [0u32; CHANNELS];
    let sums = sums[CHANNELS..].as_chunks_mut::<CHANNELS>().0.iter_mut();
    for (sums, columns) in sums.zip(columns.as_chunks::<CHANNELS>().0) {
        for channel in 0..CHANNELS {
            so_far[channel] = so_far[channel].wrapping_add(columns[channel]);
        }
        *sums = so_far;
    }
}

/// From a total to the mean: `(total + area / 2) / area`.
///
/// Times the inverse of the area instead. A quarter more than half the area is added, so that no exact
/// quotient is near a whole number: it is a quarter of an area away at least, far more than the product errs.
#[derive(Clone, Copy)]
struct Rounding {
    side: usize,
    half: f64,
    inverse: f64,
}

impl Rounding {
    fn new(side: usize) -> Self {
        let area = (side * side) as f64;
        Self { side, half: (side * side / 2) as f64 + 0.25, inverse: 1.0 / area }
    }

    #[inline(always)]
    fn single(self, total: u32) -> i32 {
        whole32((total as i32 as f32 + self.half as f32) * self.inverse as f32)
    }

    #[inline(always)]
    fn double(self, total: u32) -> i32 {
        whole64((f64::from(total) + self.half) * self.inverse)
    }

    #[inline(always)]
    fn round<T: Sample>(self, totals: &[T::Total], results: &mut [T]) {
        let pairs = results.iter_mut().zip(totals);
        if T::TOP == 255 {
            pairs.for_each(|(result, total)| *result = T::of(self.single((*total).into())));
        } else {
            pairs.for_each(|(result, total)| *result = T::of(self.double((*total).into())));
        }
    }

    #[inline(always)]
    fn round_differences<'a, T: Sample>(self, ends: impl Iterator<Item = (&'a u32, &'a u32)>, results: &mut [T]) {
        let pairs = results.iter_mut().zip(ends.map(|(end, start)| end.wrapping_sub(*start)));
        if T::TOP == 255 && self.side <= SINGLE_SIDE {
            pairs.for_each(|(result, total)| *result = T::of(self.single(total)));
        } else {
            pairs.for_each(|(result, total)| *result = T::of(self.double(total)));
        }
    }
}

#[cfg(test)]
mod tests;
