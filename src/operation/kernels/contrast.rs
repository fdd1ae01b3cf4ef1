//! `contrast`: each colour farther from the picture's mean, or nearer to it.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, Statistic, StepError, Value, Work};
use crate::operation::engine::blend::{blend, luma};
use crate::operation::engine::point::{Change, changed, each_color};
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Layout, PixelFormat, Pixels, Samples};

/// `a + factor * (v - a)` in single precision, clipped and cut off, `a` being the mean luma of the whole
/// picture, `(2 * sum + count) / (2 * count)`, one number for all channels; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; no halo. Measured are the sum and the count of all lumas.
///
/// # Source
/// Pillow's `ImageEnhance.Contrast` on 8 bit, bit for bit; 16 bit by the same formula.
pub(crate) const DEFINITION: Definition = Definition {
    name: "contrast",
    help: "stronger or weaker contrast",
    kind: Kind::GlobalStatistic,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::decimal("factor", 1.5, 0.0, 16.0, "0 is even gray, 1 changes nothing, more is stronger")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Decimal(factor)] => Ok(Box::new(Contrast { factor: *factor as f32, cpu: Cpu::detect() })),
        _ => Err(StepError::Grammar("contrast: needs factor".to_owned())),
    }
}

#[derive(Debug)]
struct Contrast {
    factor: f32,
    cpu: Cpu,
}

impl Kernel for Contrast {
    fn statistic(&self) -> Option<&dyn Statistic> {
        Some(self)
    }

    fn run(&self, _: Area) -> Result<Pixels, StepError> {
        Err(StepError::unmeasured("contrast"))
    }
}

impl Statistic for Contrast {
    fn length(&self, _: PixelFormat) -> usize {
        2
    }

    fn measure(&self, pixels: &Pixels) -> Result<Vec<u64>, StepError> {
        let layout = pixels.format().layout;
        let sum = match pixels.samples() {
            Samples::Eight(samples) => self.cpu.run(Adding { samples, layout }),
            Samples::Sixteen(samples) => self.cpu.run(Adding { samples, layout }),
        };
        Ok(vec![sum, pixels.size().pixels()])
    }

    fn merge(&self, total: &mut [u64], partial: &[u64]) {
        total.iter_mut().zip(partial).for_each(|(total, partial)| *total = total.saturating_add(*partial));
    }

    fn resolve(&self, _: PixelFormat, total: &[u64]) -> Vec<i64> {
        let (sum, count) =
            (u128::from(total.first().copied().unwrap_or(0)), u128::from(total.get(1).copied().unwrap_or(0)));
        let mean = (2 * sum + count).checked_div(2 * count).unwrap_or(0);
        vec![i64::try_from(mean.min(65535)).unwrap_or(0)]
    }

    fn bind(&self, numbers: &[i64]) -> Result<Box<dyn Kernel>, StepError> {
        match numbers {
            [mean @ 0..=65535] => Ok(Box::new(Spread { mean: *mean as f32, factor: self.factor, cpu: self.cpu })),
            _ => Err(StepError::Tile("contrast: needs one mean of 0 to 65535".to_owned())),
        }
    }
}

struct Adding<'a, T> {
    samples: &'a [T],
    layout: Layout,
}

impl<T: Sample> Work for Adding<'_, T> {
    type Result = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let rgb = |pixel: &[T]| luma([pixel[0], pixel[1], pixel[2]]) as u64;
        let pixels = self.samples.chunks_exact(self.layout.channels());
        match self.layout {
            Layout::Gray => self.samples.iter().map(|gray| gray.wide() as u64).sum(),
            Layout::GrayAlpha => pixels.map(|pixel| pixel[0].wide() as u64).sum(),
            Layout::Rgb => self.samples.as_chunks::<3>().0.iter().map(|pixel| rgb(pixel)).sum(),
            Layout::Rgba => self.samples.as_chunks::<4>().0.iter().map(|pixel| rgb(pixel)).sum(),
        }
    }
}

/// The local kernel, with the picture's mean.
#[derive(Clone, Copy, Debug)]
struct Spread {
    mean: f32,
    factor: f32,
    cpu: Cpu,
}

impl Kernel for Spread {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        changed(self.cpu, area, *self)
    }
}

impl Change for Spread {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        each_color(samples, layout, |sample| blend(self.mean, self.factor, sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::border::Border;
    use crate::operation::kernels::models::{Plain, areas, follows_plainly};

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, factor) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, 0.0), (cpu, 1.5), (cpu, 16.0)]) {
            let kernel = Contrast { factor, cpu }.bind(&[77]).unwrap();
            follows_plainly(kernel.as_ref(), |plain, [x, y], channel| {
                let value = plain.at(x, y, channel, Border::Replicate) as f32;
                ((77.0 + factor * (value - 77.0)) as i64).clamp(0, plain.top)
            });
        }
    }

    #[test]
    fn the_mean_is_that_of_all_lumas() {
        for (cpu, area) in Cpu::all().into_iter().flat_map(|cpu| areas().into_iter().map(move |area| (cpu, area))) {
            let pixels = area.cropped();
            let (plain, size) = (Plain::new(&pixels), pixels.size());
            let places = (0..size.height).flat_map(|y| (0..size.width).map(move |x| [i64::from(x), i64::from(y)]));
            let lumas = places.map(|place| {
                let [red, green, blue] = plain.rgb(place);
                (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
            });
            let expected = vec![lumas.sum::<i64>() as u64, size.pixels()];
            assert_eq!(Contrast { factor: 1.5, cpu }.measure(&pixels).unwrap(), expected);
        }
    }

    #[test]
    fn halves_are_rounded_up_and_made_up_numbers_do_no_harm() {
        let contrast = Contrast { factor: 1.5, cpu: Cpu::Portable };
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        let mut total = vec![2, 1];
        contrast.merge(&mut total, &[1, 1]);
        assert_eq!(contrast.resolve(format, &total), [2]);
        contrast.merge(&mut total, &[u64::MAX, u64::MAX]);
        assert_eq!(contrast.resolve(format, &total), [1]);
        assert_eq!(contrast.resolve(format, &[]), [0]);
        assert!(contrast.bind(&[65536]).is_err() && contrast.bind(&[]).is_err() && contrast.bind(&[-1]).is_err());
    }
}
