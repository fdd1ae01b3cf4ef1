//! `sepia`: the brown of old photographs.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, StepError, Work};
use crate::operation::engine::point::{Change, changed, each_rgb};
use crate::operation::engine::sample::Sample;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Samples};

/// The weights of red, green and blue in each of the new colours, times 2¹⁵.
const ROWS: [[u32; 3]; 3] = [[12878, 25199, 6193], [11436, 22479, 5505], [8913, 17498, 4293]];

/// `min(top, (Σ + 16384) >> 15)` of three weighted colours; gray counts as three equal ones. Alpha stays.
///
/// # Shape
/// RGB of the input's depth, and alpha if there was one; no halo.
///
/// # Units
/// Weights in 2⁻¹⁵; the sums fit 32 bits.
///
/// # Source
/// Its own definition.
pub(crate) const DEFINITION: Definition = Definition {
    name: "sepia",
    help: "the brown of old photographs",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Sepia { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Sepia {
    cpu: Cpu,
}

impl Kernel for Sepia {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        let layout = if input.layout.has_alpha() { Layout::Rgba } else { Layout::Rgb };
        PixelFormat { layout, ..input }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let layout = area.pixels().format().layout;
        if layout.color_channels() == 3 {
            return changed(self.cpu, area, Brown);
        }
        let pixels = area.cropped();
        let info = PictureInfo { format: self.output(pixels.format()), ..pixels.info() };
        let samples = match pixels.samples() {
            Samples::Eight(samples) => Samples::Eight(self.cpu.run(Browning { samples, layout })),
            Samples::Sixteen(samples) => Samples::Sixteen(self.cpu.run(Browning { samples, layout })),
        };
        Pixels::new(info, samples).map_err(|error| StepError::Tile(error.to_string()))
    }
}

#[derive(Clone, Copy)]
struct Brown;

impl Change for Brown {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        each_rgb(samples, layout, brown);
    }
}

/// Of gray, with alpha or without.
struct Browning<'a, T> {
    samples: &'a [T],
    layout: Layout,
}

impl<T: Sample> Work for Browning<'_, T> {
    type Result = Vec<T>;

    #[inline(always)]
    fn run(self) -> Vec<T> {
        if self.layout.has_alpha() {
            pixels::<T, 2, 4>(self.samples, |[gray, alpha]| with([gray; 3], alpha))
        } else {
            pixels::<T, 1, 3>(self.samples, |[gray]| brown([gray; 3]))
        }
    }
}

/// Makes a pixel of each.
#[inline(always)]
fn pixels<T: Sample, const FROM: usize, const TO: usize>(
    samples: &[T],
    pixel: impl Fn([T; FROM]) -> [T; TO],
) -> Vec<T> {
    let mut out = vec![T::default(); samples.len() / FROM * TO];
    let results = out.as_chunks_mut::<TO>().0.iter_mut();
    results.zip(samples.as_chunks::<FROM>().0).for_each(|(result, from)| *result = pixel(*from));
    out
}

#[inline(always)]
fn brown<T: Sample>(pixel: [T; 3]) -> [T; 3] {
    let [red, green, blue] = pixel.map(|sample| sample.wide() as u32);
    let sums = ROWS.map(|[of_red, of_green, of_blue]| of_red * red + of_green * green + of_blue * blue);
    sums.map(|sum| T::of(((sum + 16384) >> 15).min(T::TOP as u32) as i32))
}

#[inline(always)]
fn with<T: Sample>(pixel: [T; 3], alpha: T) -> [T; 4] {
    let [red, green, blue] = brown(pixel);
    [red, green, blue, alpha]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn every_processor_follows_the_definition() {
        for cpu in Cpu::all() {
            follows_plainly(&Sepia { cpu }, |plain, place, channel| {
                let sum: i64 =
                    plain.rgb(place).iter().zip(ROWS[channel]).map(|(v, weight)| v * i64::from(weight)).sum();
                ((sum + 16384) >> 15).min(plain.top)
            });
        }
    }
}
