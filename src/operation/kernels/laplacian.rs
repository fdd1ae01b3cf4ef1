//! `laplacian`: how much the gray bends.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, grayscale};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Filter, Surroundings, filtered};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::{Sample, Sum};
use crate::picture::{Depth, PixelFormat, Pixels};

/// `min(top, |sum|)` of the gray picture weighted `0 1 0 / 1 -4 1 / 0 1 0` (`ksize` 1) or
/// `2 0 2 / 0 -8 0 / 2 0 2` (3); alpha stays.
///
/// # Shape
/// One gray channel of the input's depth, and alpha if there was one; one pixel of halo, mirrored
/// (reflect101) at the picture's edge.
///
/// # Source
/// OpenCV's `Laplacian` and `convertScaleAbs` on 8 bit, bit for bit; 16 bit by the same formula.
pub(crate) const DEFINITION: Definition = Definition {
    name: "laplacian",
    help: "edges and spots of any direction",
    kind: Kind::Local,
    halo: Halo::Fixed(1),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter {
        default: Value::Integer(3),
        ..Parameter::choice_of_integers(
            "ksize",
            &[Value::Integer(1), Value::Integer(3)],
            "1: the four nearest neighbours, 3: the four diagonal ones",
        )
    }],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    let neighbours = match values {
        [Value::Integer(1)] => Neighbours::Nearest,
        [Value::Integer(3)] => Neighbours::Diagonal,
        _ => return Err(StepError::Grammar("laplacian: needs a ksize of 1 or 3".to_owned())),
    };
    Ok(Box::new(Laplacian { neighbours, cpu: Cpu::detect() }))
}

/// Which neighbours weigh against the centre.
#[derive(Clone, Copy, Debug)]
enum Neighbours {
    Nearest,
    Diagonal,
}

#[derive(Debug)]
struct Laplacian {
    neighbours: Neighbours,
    cpu: Cpu,
}

impl Kernel for Laplacian {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let area = area.try_map(|pixels| grayscale::gray(self.cpu, pixels))?;
        let around = Surroundings { cpu: self.cpu, radius: 1, border: Border::Reflect101, alpha: Alpha::Kept };
        filtered(&area, around, Bend(self.neighbours))
    }
}

#[derive(Clone, Copy)]
struct Bend(Neighbours);

impl Filter for Bend {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        let mut out = vec![T::default(); frame.output_len()];
        let (two, four) = (T::Sum::from(2), T::Sum::from(4));
        for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
            let [above, at, below] = frame.square(row).map(|row| frame.columns::<3>(row));
            match self.0 {
                Neighbours::Nearest => {
                    bend(results, [above[1], at[0], at[2], below[1]], at[1], |sum, center| sum - four * center);
                }
                Neighbours::Diagonal => {
                    let corners = [above[0], above[2], below[0], below[2]];
                    bend(results, corners, at[1], |sum, center| two * (sum - four * center));
                }
            }
        }
        out
    }
}

#[inline(always)]
fn bend<T: Sample>(results: &mut [T], around: [&[T]; 4], center: &[T], weigh: impl Fn(T::Sum, T::Sum) -> T::Sum) {
    let length = results.len();
    let ([a, b, c, d], center) = (around.map(|samples| &samples[..length]), &center[..length]);
    for at in 0..length {
        let sum = a[at].to_sum() + b[at].to_sum() + c[at].to_sum() + d[at].to_sum();
        results[at] = T::clip(weigh(sum, center[at].to_sum()).size());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows;

    #[test]
    fn every_processor_follows_the_definition() {
        let kernels =
            [(Neighbours::Nearest, [0, 1, 0, 1, -4, 1, 0, 1, 0]), (Neighbours::Diagonal, [2, 0, 2, 0, -8, 0, 2, 0, 2])];
        for (cpu, (neighbours, weights)) in Cpu::all().into_iter().flat_map(|cpu| kernels.map(|kernel| (cpu, kernel))) {
            let gray = |pixels| grayscale::gray(cpu, pixels).unwrap();
            follows(&Laplacian { neighbours, cpu }, Alpha::Kept, gray, |plain, place, _| {
                let samples = plain.square(place, 0, 1, Border::Reflect101);
                let sum: i64 = samples.iter().zip(weights).map(|(v, weight)| v * weight).sum();
                sum.abs().min(plain.top)
            });
        }
    }
}
