//! `sobel`: how steep the gray is.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, StepError, grayscale};
use crate::operation::engine::neighbours::Neighbours;
use crate::picture::{Depth, PictureInfo, PixelFormat, Pixels, Samples};

/// `min(top, rint(sqrt(gx² + gy²)))` of the gray picture; alpha stays.
///
/// `gx` is the right less the left column and `gy` the bottom less the top row, each weighted 1 2 1.
///
/// # Shape
/// One gray channel of the input's depth, and alpha if there was one; one pixel of halo, mirrored
/// (reflect101) at the picture's edge.
///
/// # Units
/// Steps of gray: `gx` and `gy` are at most 1020 in size for 8 bit, 262,140 for 16 bit, both exact.
///
/// # Source
/// OpenCV's `Sobel`, `magnitude` and `convertScaleAbs` on 8 bit, bit for bit; 16 bit by the same formula.
pub(crate) const DEFINITION: Definition = Definition {
    name: "sobel",
    help: "edges, the brighter the steeper",
    kind: Kind::Local,
    halo: Halo::Fixed(1),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Sobel { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Sobel {
    cpu: Cpu,
}

impl Kernel for Sobel {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let area = area.try_map(|pixels| grayscale::gray(self.cpu, pixels))?;
        let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
        let samples = match area.pixels().samples() {
            Samples::Eight(samples) => Samples::Eight(sobel_on(self.cpu, Neighbours::new(&area, samples))),
            Samples::Sixteen(samples) => Samples::Sixteen(sobel_on(self.cpu, Neighbours::new(&area, samples))),
        };
        Pixels::new(info, samples).map_err(|error| StepError::Tile(error.to_string()))
    }
}

/// A sample, and the integers that its gradients fit.
trait Sample: Copy + Default {
    /// At most 4 samples, of either sign.
    type Slope: Copy + Default;

    /// A column weighted 1 2 1, and its bottom less its top.
    fn column(above: Self, at: Self, below: Self) -> (Self::Slope, Self::Slope);
    /// The magnitude from the smooth columns left and right and the steps of all three.
    fn magnitude(smooth: [Self::Slope; 2], steps: [Self::Slope; 3]) -> Self;
}

impl Sample for u8 {
    type Slope = i16;

    #[inline(always)]
    fn column(above: u8, at: u8, below: u8) -> (i16, i16) {
        let [above, at, below] = [above, at, below].map(i16::from);
        (above + 2 * at + below, below - above)
    }

    #[inline(always)]
    fn magnitude([before, after]: [i16; 2], [left, middle, right]: [i16; 3]) -> u8 {
        let (across, down) = (i32::from(after - before), i32::from(left + 2 * middle + right));
        root8(across * across + down * down)
    }
}

impl Sample for u16 {
    type Slope = i32;

    #[inline(always)]
    fn column(above: u16, at: u16, below: u16) -> (i32, i32) {
        let [above, at, below] = [above, at, below].map(i32::from);
        (above + 2 * at + below, below - above)
    }

    #[inline(always)]
    fn magnitude([before, after]: [i32; 2], [left, middle, right]: [i32; 3]) -> u16 {
        let (across, down) = (f64::from(after - before), f64::from(left + 2 * middle + right));
        root16(across * across + down * down)
    }
}

/// `min(255, rint(sqrt(square)))`, `square` at most 2 * 1020².
///
/// Adding 2²³ leaves no bits for a fraction, so the sum is rounded and its low bits are the integer: unlike
/// `round_ties_even`, that is one instruction on every processor. A test goes through all squares.
#[inline(always)]
fn root8(square: i32) -> u8 {
    const WHOLE: f32 = 8_388_608.0;
    let root = ((square as f32).sqrt() + WHOLE).to_bits() as i32 - WHOLE.to_bits() as i32;
    root.min(255) as u8
}

/// `min(65535, rint(sqrt(square)))`, `square` an integer of at most 2 * 262,140².
///
/// Clipped before it is rounded. No root of an integer is nearer to a tie than 1 / (8 * 65536), far
/// more than f64 is off there; 2⁵² rounds as 2²³ does in 8 bit.
#[inline(always)]
fn root16(square: f64) -> u16 {
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    (square.sqrt().min(65535.0) + WHOLE).to_bits() as u16
}

fn sobel_on<T: Sample>(cpu: Cpu, neighbours: Neighbours<'_, T>) -> Vec<T> {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked.
            unsafe { sobel_avx2(neighbours) }
        }
        _ => sobel(neighbours),
    }
}

/// The same, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sobel_avx2<T: Sample>(neighbours: Neighbours<'_, T>) -> Vec<T> {
    sobel(neighbours)
}

#[inline(always)]
fn sobel<T: Sample>(neighbours: Neighbours<'_, T>) -> Vec<T> {
    let mut out = vec![T::default(); neighbours.output_len()];
    let mut smooth = vec![T::Slope::default(); neighbours.line_len()];
    let mut steps = smooth.clone();
    for (row, results) in out.chunks_exact_mut(neighbours.row_len()).enumerate() {
        let [above, at, below] = neighbours.rows(row);
        let samples = above.iter().zip(at).zip(below);
        let columns = smooth[neighbours.inner()].iter_mut().zip(&mut steps[neighbours.inner()]);
        for ((smooth, step), ((above, at), below)) in columns.zip(samples) {
            (*smooth, *step) = T::column(*above, *at, *below);
        }
        neighbours.mirror(&mut smooth);
        neighbours.mirror(&mut steps);
        across(&smooth, &steps, neighbours.channels(), results);
        neighbours.keep_alpha(row, results);
    }
    out
}

/// A row of results from the lines of columns.
#[inline(always)]
fn across<T: Sample>(smooth: &[T::Slope], steps: &[T::Slope], channels: usize, results: &mut [T]) {
    let length = results.len();
    let (before, after) = (&smooth[..length], &smooth[2 * channels..][..length]);
    let [left, middle, right] = [0, channels, 2 * channels].map(|start| &steps[start..][..length]);
    let columns = before.iter().zip(after).zip(left.iter().zip(middle).zip(right));
    for (result, ((before, after), ((left, middle), right))) in results.iter_mut().zip(columns) {
        *result = T::magnitude([*before, *after], [*left, *middle, *right]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::nine::follows;

    /// The definition's integer rule.
    fn root(square: i64, top: i64) -> i64 {
        let floor = square.isqrt();
        (floor + i64::from(square > floor * floor + floor)).min(top)
    }

    #[test]
    fn every_processor_follows_the_definition() {
        let model = |around: [[i64; 3]; 3], top| {
            let [[a, b, c], [d, _, f], [g, h, i]] = around;
            let (across, down) = (c + 2 * f + i - a - 2 * d - g, g + 2 * h + i - a - 2 * b - c);
            root(across * across + down * down, top)
        };
        for cpu in Cpu::all() {
            follows(&Sobel { cpu }, |pixels| grayscale::gray(cpu, pixels).unwrap(), model);
        }
    }

    #[test]
    fn every_8_bit_root_is_that_of_the_integers() {
        for square in 0..=2 * 1020 * 1020 {
            assert_eq!(i64::from(root8(square)), root(square.into(), 255), "{square}");
        }
    }

    #[test]
    fn the_16_bit_roots_turn_where_those_of_the_integers_do() {
        for floor in 0..=65536i64 {
            let tie = floor * floor + floor;
            for square in [floor * floor, tie, tie + 1] {
                assert_eq!(i64::from(root16(square as f64)), root(square, 65535), "{square}");
            }
        }
        assert_eq!(root16(2.0 * 262_140.0 * 262_140.0), 65535);
    }
}
