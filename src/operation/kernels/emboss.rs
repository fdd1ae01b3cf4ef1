//! `emboss`: light from the top left.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, StepError};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Filter, Surroundings, filtered};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Pixels};

/// The sum of the neighbours weighted `-2 -1 0 / -1 0 1 / 0 1 2`, plus half the range, clipped; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; one pixel of halo, mirrored (reflect101) at the picture's edge.
///
/// # Source
/// OpenCV's `filter2D` with that kernel and delta, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
    name: "emboss",
    help: "a relief lit from the top left",
    kind: Kind::Local,
    halo: Halo::Fixed(1),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Emboss { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Emboss {
    cpu: Cpu,
}

impl Kernel for Emboss {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let around = Surroundings { cpu: self.cpu, radius: 1, border: Border::Reflect101, alpha: Alpha::Kept };
        filtered(&area, around, Relief)
    }
}

#[derive(Clone, Copy)]
struct Relief;

impl Filter for Relief {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        let middle = T::of((T::TOP + 1) / 2).to_sum();
        let mut out = vec![T::default(); frame.output_len()];
        for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
            let [above, at, below] = frame.square(row).map(|row| frame.columns::<3>(row));
            for (x, result) in results.iter_mut().enumerate() {
                let dark = above[0][x].to_sum() + above[0][x].to_sum() + above[1][x].to_sum() + at[0][x].to_sum();
                let light = below[2][x].to_sum() + below[2][x].to_sum() + below[1][x].to_sum() + at[2][x].to_sum();
                *result = T::clip(light - dark + middle);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn every_processor_follows_the_definition() {
        for cpu in Cpu::all() {
            follows_plainly(&Emboss { cpu }, |plain, place, channel| {
                let samples = plain.square(place, channel, 1, Border::Reflect101);
                let sum: i64 = samples.iter().zip([-2, -1, 0, -1, 0, 1, 0, 1, 2]).map(|(v, weight)| v * weight).sum();
                (sum + (plain.top + 1) / 2).clamp(0, plain.top)
            });
        }
    }
}
