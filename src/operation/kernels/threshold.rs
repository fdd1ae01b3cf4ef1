//! `threshold`: black or white, by a fixed level.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, grayscale};
use crate::operation::engine::point::{Change, changed, each_color};
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Layout, PixelFormat, Pixels};

/// The largest sample where the gray is above `value`, else 0; alpha stays. Half of the largest sample,
/// rounded down, if no value is given.
///
/// # Shape
/// One gray channel of the input's depth, and alpha if there was one; no halo.
///
/// # Source
/// OpenCV's `threshold` with `THRESH_BINARY` on `COLOR_RGB2GRAY`, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
    name: "threshold",
    help: "black and white by a level",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter {
        default: Value::ByDepth("half of the largest sample"),
        ..Parameter::integer("value", 0, 0, 65535, "gray above it becomes white; at most 255 for 8 bit")
    }],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    let level = match values {
        [Value::Integer(level)] => Some(*level as i32),
        _ => None,
    };
    Ok(Box::new(Threshold { level, cpu: Cpu::detect() }))
}

/// Gray above the level becomes white.
#[derive(Debug)]
pub(super) struct Threshold {
    level: Option<i32>,
    cpu: Cpu,
}

impl Threshold {
    /// For a level that was found.
    pub(super) fn at(level: i32) -> Self {
        Self { level: Some(level), cpu: Cpu::detect() }
    }
}

impl Kernel for Threshold {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn check(&self, input: PixelFormat) -> Result<(), StepError> {
        let top = input.depth.top();
        match self.level {
            Some(level) if i64::from(level) > i64::from(top) => {
                let text = format!("threshold: value must be an integer from 0 to {top}, got \"{level}\"");
                Err(StepError::Picture(text))
            }
            _ => Ok(()),
        }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let area = area.try_map(|pixels| grayscale::gray(self.cpu, pixels))?;
        let half = area.pixels().format().depth.top() as i32 / 2;
        changed(self.cpu, area, Above(self.level.unwrap_or(half)))
    }
}

#[derive(Clone, Copy)]
struct Above(i32);

impl Change for Above {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        let level = T::nearest(self.0);
        each_color(samples, layout, |sample| T::of(if sample > level { T::TOP } else { 0 }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Step;
    use crate::operation::engine::border::Border;
    use crate::operation::engine::filter::Alpha;
    use crate::operation::kernels::models;

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, level) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, None), (cpu, Some(0)), (cpu, Some(255))]) {
            let gray = |pixels| grayscale::gray(cpu, pixels).unwrap();
            models::follows(&Threshold { level, cpu }, Alpha::Kept, gray, |plain, [x, y], _| {
                let level = level.map_or(plain.top / 2, i64::from);
                if plain.at(x, y, 0, Border::Replicate) > level { plain.top } else { 0 }
            });
        }
    }

    #[test]
    fn the_level_fits_the_depth_or_is_refused() {
        let format = |depth| PixelFormat { layout: Layout::Rgb, depth };
        let step: Step = "threshold:value=256".parse().unwrap();
        assert!(step.output(format(Depth::Sixteen)).is_ok());
        let refusal = step.output(format(Depth::Eight)).unwrap_err();
        assert_eq!(refusal.to_string(), "threshold: value must be an integer from 0 to 255, got \"256\"");
        let step: Step = "threshold".parse().unwrap();
        assert_eq!(step.to_string(), "threshold");
    }
}
