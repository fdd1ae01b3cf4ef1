//! `sketch`: a pencil drawing, the gray divided by its blur.

use super::Bound;
use super::gaussian_blur::GaussianBlur;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, Work, grayscale};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{eight_bit, keep_alpha};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::point::each_color;
use crate::operation::engine::sample::whole32;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, PixelFormat, Pixels};

/// `min(255, (510 g + d) / (2 d))`, 255 for a `d` of 0, where `g` is the gray and
/// `d = 255 - gaussian_blur(255 - g)`; alpha stays.
///
/// # Shape
/// One gray channel of 8 bit, and alpha if there was one; `ksize / 2` pixels of halo, mirrored (reflect101)
/// at the picture's edge.
///
/// # Source
/// Its own definition.
pub(crate) const DEFINITION: Definition = Definition {
    name: "sketch",
    help: "a pencil drawing",
    kind: Kind::Local,
    halo: Halo::Half("ksize"),
    depths: &[Depth::Eight],
    parameters: &[Parameter::odd("ksize", 21, 255, "width of the strokes' blur in pixels")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(ksize)] => Ok(Box::new(Sketch { blur: GaussianBlur::new(*ksize, 0.0), cpu: Cpu::detect() })),
        _ => Err(StepError::Grammar("sketch: needs ksize".to_owned())),
    }
}

#[derive(Debug)]
struct Sketch {
    blur: GaussianBlur,
    cpu: Cpu,
}

impl Kernel for Sketch {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let negative = area.try_map(|pixels| grayscale::gray(self.cpu, pixels).and_then(negative))?;
        let mut blurred = self.blur.blur(&negative)?;
        let samples = eight_bit("sketch", negative.pixels())?;
        let SamplesMut::Eight(results) = blurred.samples_mut() else {
            return Err(StepError::Tile("sketch: the blur changed the depth".to_owned()));
        };
        let frame = &Frame::new(&negative, samples, 0, Border::Reflect101);
        self.cpu.run(Drawing { frame, results });
        if negative.pixels().format().layout.has_alpha() {
            keep_alpha(frame, results);
        }
        Ok(blurred)
    }
}

/// The negative of gray pixels; alpha stays.
fn negative(mut pixels: Pixels) -> Result<Pixels, StepError> {
    let layout = pixels.format().layout;
    if let SamplesMut::Eight(samples) = pixels.samples_mut() {
        each_color(samples, layout, |sample| !sample);
    }
    Ok(pixels)
}

/// Turns the blurred negative, given the negative, into results.
struct Drawing<'a> {
    frame: &'a Frame<'a, u8>,
    results: &'a mut [u8],
}

impl Work for Drawing<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (row, results) in self.results.chunks_exact_mut(self.frame.output_row_len()).enumerate() {
            let pairs = results.iter_mut().zip(self.frame.center(row));
            pairs.for_each(|(result, negative)| *result = dodge(!*negative, !*result));
        }
    }
}

/// `min(255, (510 gray + floor) / (2 floor))`; 255 for a floor of 0.
///
/// By a quotient in single precision: it is exact for whole quotients, and all others below 256 are farther
/// from the next whole number than it errs. A test goes through all of them.
#[inline(always)]
fn dodge(gray: u8, floor: u8) -> u8 {
    let (gray, floor) = (f32::from(gray), f32::from(floor));
    let quotient = (510.0 * gray + floor) / (2.0 * floor).max(1.0);
    let quotient = if floor == 0.0 { 255.0 } else { quotient.min(255.0) };
    whole32(quotient) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::filter::Alpha;
    use crate::operation::kernels::models::follows;

    #[test]
    fn every_quotient_is_that_of_the_integers() {
        for (gray, floor) in (0..=255u32).flat_map(|gray| (0..=255u32).map(move |floor| (gray, floor))) {
            let expected = (510 * gray + floor).checked_div(2 * floor).unwrap_or(255).min(255);
            assert_eq!(u32::from(dodge(gray as u8, floor as u8)), expected, "{gray} over {floor}");
        }
    }

    #[test]
    fn every_processor_follows_the_definition() {
        for cpu in Cpu::all() {
            let kernel = Sketch { blur: GaussianBlur::new(3, 0.0), cpu };
            let gray = |pixels| grayscale::gray(cpu, pixels).unwrap();
            follows(&kernel, Alpha::Kept, gray, |plain, place, _| {
                let square = plain.square(place, 0, 1, Border::Reflect101);
                let sum: i64 = square.iter().zip([1, 2, 1, 2, 4, 2, 1, 2, 1]).map(|(v, tap)| (255 - v) * tap).sum();
                let floor = 255 - ((sum + 8) >> 4);
                (510 * square[4] + floor).checked_div(2 * floor).unwrap_or(255).min(255)
            });
        }
    }
}
