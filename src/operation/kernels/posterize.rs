//! `posterize`: fewer shades.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::point::{Change, changed, each_color};
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Layout, Pixels};

/// Keeps the top `bits` bits of each colour; the others become 0. Alpha stays.
///
/// # Shape
/// The same layout and depth as the input; no halo.
///
/// # Source
/// Pillow's `ImageOps.posterize` on 8 bit, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
    name: "posterize",
    help: "fewer shades of each colour",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::integer("bits", 4, 1, 8, "bits that are kept of each sample")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(bits)] => Ok(Box::new(Posterize { bits: *bits as u32, cpu: Cpu::detect() })),
        _ => Err(StepError::Grammar("posterize: needs bits".to_owned())),
    }
}

#[derive(Debug)]
struct Posterize {
    bits: u32,
    cpu: Cpu,
}

impl Kernel for Posterize {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        changed(self.cpu, area, KeepBits(self.bits))
    }
}

#[derive(Clone, Copy)]
struct KeepBits(u32);

impl Change for KeepBits {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        let kept = T::TOP & !(T::TOP >> self.0);
        each_color(samples, layout, |sample| T::of(sample.wide() & kept));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::border::Border;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, bits) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, 1), (cpu, 4), (cpu, 8)]) {
            follows_plainly(&Posterize { bits, cpu }, |plain, [x, y], channel| {
                let dropped = (plain.top + 1).ilog2() - bits;
                plain.at(x, y, channel, Border::Replicate) >> dropped << dropped
            });
        }
    }
}
