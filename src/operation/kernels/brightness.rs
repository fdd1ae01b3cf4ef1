//! `brightness`: each colour times a factor.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::blend::blend;
use crate::operation::engine::point::{Change, changed, each_color};
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Layout, Pixels};

/// `factor * v` in single precision, clipped to the depth, its fraction cut off; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; no halo.
///
/// # Source
/// Pillow's `ImageEnhance.Brightness` on 8 bit, bit for bit; 16 bit by the same formula.
pub(crate) const DEFINITION: Definition = Definition {
    name: "brightness",
    help: "lighter or darker",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::decimal("factor", 1.3, 0.0, 16.0, "0 is black, 1 changes nothing, more is lighter")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Decimal(factor)] => Ok(Box::new(Brightness { factor: *factor as f32, cpu: Cpu::detect() })),
        _ => Err(StepError::Grammar("brightness: needs factor".to_owned())),
    }
}

#[derive(Debug)]
struct Brightness {
    factor: f32,
    cpu: Cpu,
}

impl Kernel for Brightness {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        changed(self.cpu, area, Brighten(self.factor))
    }
}

#[derive(Clone, Copy)]
struct Brighten(f32);

impl Change for Brighten {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        each_color(samples, layout, |sample| blend(0.0, self.0, sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::border::Border;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, factor) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, 0.0), (cpu, 1.3), (cpu, 16.0)]) {
            follows_plainly(&Brightness { factor, cpu }, |plain, [x, y], channel| {
                let product = factor * plain.at(x, y, channel, Border::Replicate) as f32;
                (product as i64).min(plain.top)
            });
        }
    }
}
