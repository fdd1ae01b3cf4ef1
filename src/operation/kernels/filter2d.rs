//! `filter2d`: a square of weights of the sender's choice.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, Weights};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Filter, Surroundings, filtered};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::{Sample, whole64};
use crate::picture::{Depth, Pixels};

/// Samples of a turn along a row: their sums stay in registers.
const TURN: usize = 32;

/// `clip(floor((sum + divisor / 2) / divisor) + offset)`, the first weight meeting the sample up and left;
/// alpha stays.
///
/// # Shape
/// The same layout and depth as the input; one or two pixels of halo, mirrored (reflect101) at the
/// picture's edge.
///
/// # Units
/// Sums are whole and exact: at most 25 * 1024 * 65535 in size, which fits 32 bits.
///
/// # Source
/// OpenCV's `filter2D` for a divisor of 1, bit for bit; else its own definition. `imageproc`'s `filter`
/// repeats the edge, and weighs alpha too.
pub(crate) const DEFINITION: Definition = Definition {
    name: "filter2d",
    help: "your own 3 x 3 or 5 x 5 weights",
    kind: Kind::Local,
    halo: Halo::Half("kernel"),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[
        Parameter::weights("kernel", "the weights row by row, e.g. 0/-1/0/-1/5/-1/0/-1/0"),
        Parameter::integer("divisor", 1, 1, 65535, "the sum is divided by it"),
        Parameter::integer("offset", 0, -65535, 65535, "added at the end"),
    ],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Weights(weights), Value::Integer(divisor), Value::Integer(offset)] => {
            Ok(Box::new(Filter2d::new(weights, *divisor as i32, *offset as i32)))
        }
        _ => Err(StepError::Grammar("filter2d: needs kernel, divisor and offset".to_owned())),
    }
}

#[derive(Debug)]
struct Filter2d {
    side: usize,
    /// Row, column and weight, those of weight 0 left out.
    taps: Vec<(usize, usize, i32)>,
    divisor: i32,
    offset: i32,
    cpu: Cpu,
}

impl Filter2d {
    fn new(weights: &Weights, divisor: i32, offset: i32) -> Self {
        let side = weights.side();
        let taps = weights.values().iter().enumerate().filter(|(_, weight)| **weight != 0);
        let taps = taps.map(|(at, weight)| (at / side, at % side, i32::from(*weight))).collect();
        Self { side, taps, divisor, offset, cpu: Cpu::detect() }
    }
}

impl Kernel for Filter2d {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let (cpu, radius) = (self.cpu, self.side / 2);
        filtered(&area, Surroundings { cpu, radius, border: Border::Reflect101, alpha: Alpha::Kept }, Weighing(self))
    }
}

#[derive(Clone, Copy)]
struct Weighing<'a>(&'a Filter2d);

impl Filter for Weighing<'_> {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        let mut out = vec![T::default(); frame.output_len()];
        for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
            for (turn, results) in results.chunks_mut(TURN).enumerate() {
                let mut sums = [0i32; TURN];
                for (down, right, weight) in &self.0.taps {
                    let start = turn * TURN + right * frame.channels();
                    add(&mut sums, &frame.row(row + down)[start..][..results.len()], *weight);
                }
                self.finish(&sums, results);
            }
        }
        out
    }
}

/// Adds weighted samples; whole turns have a fixed length, so that they become vector instructions.
#[inline(always)]
fn add<T: Sample>(sums: &mut [i32; TURN], samples: &[T], weight: i32) {
    if let Ok(samples) = <&[T; TURN]>::try_from(samples) {
        for at in 0..TURN {
            sums[at] += weight * samples[at].wide();
        }
    } else {
        sums.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += weight * sample.wide());
    }
}

impl Weighing<'_> {
    #[inline(always)]
    fn finish<T: Sample>(self, sums: &[i32; TURN], results: &mut [T]) {
        let Filter2d { divisor, offset, .. } = *self.0;
        let pairs = results.iter_mut().zip(sums);
        if divisor == 1 {
            pairs.for_each(|(result, sum)| *result = T::nearest(sum.saturating_add(offset)));
        } else {
            pairs.for_each(|(result, sum)| *result = T::of(divided(*sum, divisor, offset, T::TOP)));
        }
    }
}

/// `clip(floor((sum + divisor / 2) / divisor) + offset)` by a product with the inverse.
///
/// Half a unit is added to the sum, so that no exact quotient is nearer to a whole number than half of the
/// divisor's inverse, 7.6e-6; the product of doubles errs by less than 1e-6. Clipping comes before the
/// fraction is cut off, so that nothing negative is.
#[inline(always)]
fn divided(sum: i32, divisor: i32, offset: i32, top: i32) -> i32 {
    let quotient = (f64::from(sum + divisor / 2) + 0.5) * (1.0 / f64::from(divisor));
    whole64((quotient + f64::from(offset)).clamp(0.0, f64::from(top)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Step;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn every_processor_follows_the_definition() {
        let nine = "-1/2/-3/4/50/-6/7/-8/9";
        let many = "1024/-1024/0/3/7/1024/-5/0/0/1/1024/1024/-1024/1000/9/-1/-2/-3/-4/-5/-1024/-1024/-1024/-1024/1023";
        for (cpu, text) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, nine), (cpu, many)]) {
            let weights = Weights::read(text).unwrap();
            for (divisor, offset) in [(1, 0), (54, 0), (7, -300), (65535, 100), (1, 65535)] {
                let kernel = Filter2d { cpu, ..Filter2d::new(&weights, divisor, offset) };
                follows_plainly(&kernel, |plain, place, channel| {
                    let radius = weights.side() as i64 / 2;
                    let samples = plain.square(place, channel, radius, Border::Reflect101);
                    let sum: i64 = samples.iter().zip(weights.values()).map(|(v, weight)| v * i64::from(*weight)).sum();
                    let (divisor, offset) = (i64::from(divisor), i64::from(offset));
                    ((sum + divisor / 2).div_euclid(divisor) + offset).clamp(0, plain.top)
                });
            }
        }
    }

    #[test]
    fn quotients_are_those_of_the_integers_where_they_turn() {
        for divisor in (1..=65535).step_by(97).chain([2, 3, 65535]) {
            for quotient in [0, 1, 2, 254, 255, 1000, 25000, 65534, 65535] {
                let Some(turn) = i32::checked_mul(quotient, divisor).filter(|turn| *turn <= 1_677_696_000) else {
                    continue;
                };
                for sum in [turn - divisor / 2 - 1, turn - divisor / 2, turn] {
                    let expected = (sum + divisor / 2).div_euclid(divisor).clamp(0, 65535);
                    assert_eq!(divided(sum, divisor, 0, 65535), expected, "{sum} / {divisor}");
                }
            }
        }
    }

    #[test]
    fn the_kernel_has_to_be_given_and_sets_the_halo() {
        let refusal = |text: &str| text.parse::<Step>().unwrap_err().to_string();
        assert_eq!(refusal("filter2d"), "filter2d: kernel is required");
        let expected = "9 or 25 integers from -1024 to 1024 separated by /";
        assert_eq!(refusal("filter2d:kernel=1/2"), format!("filter2d: kernel must be {expected}, got \"1/2\""));
        let step: Step = "filter2d:kernel=0/-1/0/-1/5/-1/0/-1/0".parse().unwrap();
        assert_eq!(step.to_string(), "filter2d:kernel=0/-1/0/-1/5/-1/0/-1/0,divisor=1,offset=0");
        assert_eq!(step.halo(), 1);
        assert_eq!(format!("filter2d:kernel={}", ["1"; 25].join("/")).parse::<Step>().unwrap().halo(), 2);
    }
}
