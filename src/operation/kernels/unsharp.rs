//! `unsharp`: what a blur takes away, added again and again.

use super::Bound;
use super::gaussian_blur::GaussianBlur;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, Work};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::keep_alpha;
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::Sample;
use crate::operation::engine::weighed::{self, Weighing};
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Pixels, Samples};

/// `clip(v + ((A * (v - blur) + 128) >> 8))` with `A = rint(amount * 256)`, blur being `gaussian_blur` of
/// `ksize`, weighed by alpha unless told otherwise; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; `ksize / 2` pixels of halo, mirrored (reflect101) at the
/// picture's edge.
///
/// # Source
/// Its own definition.
pub(crate) const DEFINITION: Definition = Definition {
    name: "unsharp",
    help: "crisper details, as wide and strong as you like",
    kind: Kind::Local,
    halo: Halo::Half("ksize"),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[
        Parameter::odd("ksize", 5, 255, "width of the blur in pixels"),
        Parameter::decimal("amount", 1.0, 0.0, 16.0, "how much of the difference is added"),
        Parameter::word("alpha", &weighed::WORDS, weighed::HELP),
    ],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(ksize), Value::Decimal(amount), Value::Word(alpha)] => {
            let strength = (amount * 256.0).round_ties_even() as i32;
            let (blur, weighing) = (GaussianBlur::new(*ksize, 0.0), Weighing::of(alpha));
            Ok(Box::new(Unsharp { blur, weighing, strength, cpu: Cpu::detect() }))
        }
        _ => Err(StepError::Grammar("unsharp: needs ksize, amount and alpha".to_owned())),
    }
}

#[derive(Debug)]
struct Unsharp {
    blur: GaussianBlur,
    weighing: Weighing,
    strength: i32,
    cpu: Cpu,
}

impl Kernel for Unsharp {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let mut blurred = self.blur.blur_weighed(&area, self.weighing)?;
        match (area.pixels().samples(), blurred.samples_mut()) {
            (Samples::Eight(samples), SamplesMut::Eight(results)) => self.sharpen(&area, samples, results),
            (Samples::Sixteen(samples), SamplesMut::Sixteen(results)) => self.sharpen(&area, samples, results),
            _ => return Err(StepError::Tile("unsharp: the blur changed the depth".to_owned())),
        }
        Ok(blurred)
    }
}

impl Unsharp {
    /// Turns blurred samples into results.
    fn sharpen<T: Sample>(&self, area: &Area, samples: &[T], results: &mut [T]) {
        let frame = &Frame::new(area, samples, 0, Border::Reflect101);
        self.cpu.run(Sharpening { frame, results, strength: self.strength });
        if area.pixels().format().layout.has_alpha() {
            keep_alpha(frame, results);
        }
    }
}

struct Sharpening<'a, T: Clone> {
    frame: &'a Frame<'a, T>,
    results: &'a mut [T],
    strength: i32,
}

impl<T: Sample> Work for Sharpening<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (row, results) in self.results.chunks_exact_mut(self.frame.output_row_len()).enumerate() {
            for (result, sample) in results.iter_mut().zip(self.frame.center(row)) {
                let detail = sample.wide() - result.wide();
                *result = T::nearest(sample.wide() + ((self.strength * detail + 128) >> 8));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows_plainly;

    /// 16, 64, 96, 64, 16 in both directions: the kernel of 5, in 8 and in 16 bit.
    fn blurred(square: &[i64]) -> i64 {
        let taps = [1, 4, 6, 4, 1];
        let sum: i64 = square.iter().enumerate().map(|(at, v)| v * taps[at / 5] * taps[at % 5]).sum();
        (sum + 128) >> 8
    }

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, strength) in Cpu::all().into_iter().flat_map(|cpu| [0, 1, 256, 4096].map(|amount| (cpu, amount))) {
            for weighing in [Weighing::Separate, Weighing::Weighted] {
                let kernel = Unsharp { blur: GaussianBlur::new(5, 0.0), weighing, strength, cpu };
                follows_plainly(&kernel, |plain, place, channel| {
                    let square = |channel| plain.square(place, channel, 2, Border::Reflect101);
                    let taps = [1, 4, 6, 4, 1];
                    let weights: Vec<i64> = (0..25).map(|at| taps[at / 5] * taps[at % 5]).collect();
                    let weighed = plain.weighed(channel, &weights, square).filter(|_| weighing == Weighing::Weighted);
                    let square = square(channel);
                    let detail = square[12] - weighed.unwrap_or_else(|| blurred(&square));
                    (square[12] + ((i64::from(strength) * detail + 128) >> 8)).clamp(0, plain.top)
                });
            }
        }
    }
}
