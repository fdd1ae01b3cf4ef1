//! `sharpen`: each colour against its eight neighbours.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, StepError};
use crate::operation::engine::neighbours::Neighbours;
use crate::picture::{Depth, PictureInfo, Pixels, Samples};

/// Nine times the sample less its eight neighbours, clipped to the depth; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; one pixel of halo, mirrored (reflect101) at the picture's edge.
///
/// # Units
/// Samples of 0 to 255 or 0 to 65535, the sums exact: at most 2550 in size for 8 bit, 655,350 for 16 bit.
///
/// # Source
/// OpenCV's `filter2D` with -1 around 9, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
    name: "sharpen",
    help: "crisper details",
    kind: Kind::Local,
    halo: Halo::Fixed(1),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Sharpen { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Sharpen {
    cpu: Cpu,
}

impl Kernel for Sharpen {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
        let samples = match area.pixels().samples() {
            Samples::Eight(samples) => Samples::Eight(sharpen_on(self.cpu, Neighbours::new(&area, samples))),
            Samples::Sixteen(samples) => Samples::Sixteen(sharpen_on(self.cpu, Neighbours::new(&area, samples))),
        };
        Pixels::new(info, samples).map_err(|error| StepError::Tile(error.to_string()))
    }
}

/// A sample, and the integers that its sums fit.
trait Sample: Copy + Default {
    /// Of ten samples.
    type Sum: Copy + Default;

    /// The three samples of a column.
    fn column(above: Self, at: Self, below: Self) -> Self::Sum;
    /// Ten times the centre less the three columns around it, itself among them, clipped.
    fn sharpen(center: Self, columns: [Self::Sum; 3]) -> Self;
}

impl Sample for u8 {
    type Sum = i16;

    #[inline(always)]
    fn column(above: u8, at: u8, below: u8) -> i16 {
        i16::from(above) + i16::from(at) + i16::from(below)
    }

    #[inline(always)]
    fn sharpen(center: u8, [left, middle, right]: [i16; 3]) -> u8 {
        (10 * i16::from(center) - (left + middle + right)).clamp(0, 255) as u8
    }
}

impl Sample for u16 {
    type Sum = i32;

    #[inline(always)]
    fn column(above: u16, at: u16, below: u16) -> i32 {
        i32::from(above) + i32::from(at) + i32::from(below)
    }

    #[inline(always)]
    fn sharpen(center: u16, [left, middle, right]: [i32; 3]) -> u16 {
        (10 * i32::from(center) - (left + middle + right)).clamp(0, 65535) as u16
    }
}

fn sharpen_on<T: Sample>(cpu: Cpu, neighbours: Neighbours<'_, T>) -> Vec<T> {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked.
            unsafe { sharpen_avx2(neighbours) }
        }
        _ => sharpen(neighbours),
    }
}

/// The same, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sharpen_avx2<T: Sample>(neighbours: Neighbours<'_, T>) -> Vec<T> {
    sharpen(neighbours)
}

#[inline(always)]
fn sharpen<T: Sample>(neighbours: Neighbours<'_, T>) -> Vec<T> {
    let mut out = vec![T::default(); neighbours.output_len()];
    let mut line = vec![T::Sum::default(); neighbours.line_len()];
    for (row, results) in out.chunks_exact_mut(neighbours.row_len()).enumerate() {
        let [above, at, below] = neighbours.rows(row);
        let samples = above.iter().zip(at).zip(below);
        let sums = line[neighbours.inner()].iter_mut();
        sums.zip(samples).for_each(|(sum, ((above, at), below))| *sum = T::column(*above, *at, *below));
        neighbours.mirror(&mut line);
        across(neighbours.center(row), &line, neighbours.channels(), results);
        neighbours.keep_alpha(row, results);
    }
    out
}

/// A row of results from its samples and the line of columns' sums.
#[inline(always)]
fn across<T: Sample>(center: &[T], line: &[T::Sum], channels: usize, results: &mut [T]) {
    let [left, middle, right] = [0, channels, 2 * channels].map(|start| &line[start..][..center.len()]);
    let columns = left.iter().zip(middle).zip(right);
    for ((result, center), ((left, middle), right)) in results.iter_mut().zip(center).zip(columns) {
        *result = T::sharpen(*center, [*left, *middle, *right]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::nine::follows;

    #[test]
    fn every_processor_follows_the_definition() {
        for cpu in Cpu::all() {
            follows(
                &Sharpen { cpu },
                |pixels| pixels,
                |around, top| (10 * around[1][1] - around.as_flattened().iter().sum::<i64>()).clamp(0, top),
            );
        }
    }

    #[test]
    fn sums_are_exact_at_their_extremes() {
        assert_eq!(<u8 as Sample>::sharpen(255, [u8::column(0, 0, 0), u8::column(0, 255, 0), 0]), 255);
        assert_eq!(<u8 as Sample>::sharpen(0, [u8::column(255, 255, 255); 3]), 0);
        assert_eq!(<u16 as Sample>::sharpen(65535, [u16::column(65535, 65535, 65535); 3]), 65535);
        assert_eq!(<u16 as Sample>::sharpen(0, [u16::column(65535, 65535, 65535); 3]), 0);
    }
}
