//! Colours weighed by alpha: what is transparent has no colour to give.
//!
//! Owns the arithmetic that `gaussian_blur`, `box_blur` and `unsharp` share: `(N + S / 2) / S` with `N = Σ w a c` and
//! `S = Σ w a` over a window, in integers that hold them. Begins with results in which each channel stands alone, and
//! changes their colours where the window has any alpha.

mod sums;

use super::area::Area;
use super::cpu::{Cpu, Work};
use super::strips::Plane;
use crate::operation::error::StepError;
use crate::operation::parameter::Value;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Pixels, Samples};
use sums::{Weighable, Window, across, divide};

/// Columns of a strip: the rows of its window stay in the cache.
const STRIP_COLUMNS: usize = 256;
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
