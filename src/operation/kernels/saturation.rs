//! `saturation`: each colour nearer to its pixel's luma, or farther from it.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::blend::{blend, luma};
use crate::operation::engine::point::{Change, changed, each_rgb};
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Layout, Pixels};

/// `L + factor * (v - L)` in single precision, clipped and cut off, `L` being the pixel's luma; alpha stays,
/// and so does gray.
///
/// # Shape
/// The same layout and depth as the input; no halo.
///
/// # Source
/// Pillow's `ImageEnhance.Color` on 8 bit, bit for bit; 16 bit by the same formula.
pub(crate) const DEFINITION: Definition = Definition {
    name: "saturation",
    help: "stronger or paler colours",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::decimal("factor", 1.5, 0.0, 16.0, "0 is gray, 1 changes nothing, more is stronger")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Decimal(factor)] => Ok(Box::new(Saturation { factor: *factor as f32, cpu: Cpu::detect() })),
        _ => Err(StepError::Grammar("saturation: needs factor".to_owned())),
    }
}

#[derive(Debug)]
struct Saturation {
    factor: f32,
    cpu: Cpu,
}

impl Kernel for Saturation {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        changed(self.cpu, area, Saturate(self.factor))
    }
}

#[derive(Clone, Copy)]
struct Saturate(f32);

impl Change for Saturate {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        each_rgb(samples, layout, |pixel| {
            let luma = luma(pixel) as f32;
            pixel.map(|sample| blend(luma, self.0, sample))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, factor) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, 0.0), (cpu, 1.5), (cpu, 16.0)]) {
            follows_plainly(&Saturation { factor, cpu }, |plain, place, channel| {
                let [red, green, blue] = plain.rgb(place);
                let luma = ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16) as f32;
                let value = plain.rgb(place)[channel] as f32;
                ((luma + factor * (value - luma)) as i64).clamp(0, plain.top)
            });
        }
    }
}
