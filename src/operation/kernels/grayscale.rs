//! `grayscale`: one colour channel, weighted as OpenCV does.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod luma;

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, StepError};
use crate::picture::{Depth, Layout, PixelFormat, Pixels, Samples};
use luma::{Sample, luma};

/// `(9798 R + 19235 G + 3735 B + 16384) >> 15`; gray stays as it is, alpha stays.
///
/// # Source
/// OpenCV's `cvtColor` with `COLOR_RGB2GRAY`, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
    name: "grayscale",
    help: "shades of gray",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Grayscale { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Grayscale {
    cpu: Cpu,
}

impl Kernel for Grayscale {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        gray(self.cpu, area.cropped())
    }
}

/// The gray of all pixels, which other operations begin with too; moves them if they have one colour.
pub(super) fn gray(cpu: Cpu, pixels: Pixels) -> Result<Pixels, StepError> {
    Ok(gray_of(cpu, &pixels)?.unwrap_or(pixels))
}

/// The same of pixels that stay; `None` if they have one colour.
pub(super) fn gray_of(cpu: Cpu, pixels: &Pixels) -> Result<Option<Pixels>, StepError> {
    let mut info = pixels.info();
    let layout = info.format.layout;
    info.format.layout = layout.to_gray();
    let samples = match (pixels.samples(), layout) {
        (_, Layout::Gray | Layout::GrayAlpha) => return Ok(None),
        (Samples::Eight(samples), Layout::Rgb) => Samples::Eight(rgb8(cpu, samples)),
        (Samples::Eight(samples), Layout::Rgba) => Samples::Eight(rgba(samples)),
        (Samples::Sixteen(samples), Layout::Rgb) => Samples::Sixteen(rgb(samples)),
        (Samples::Sixteen(samples), Layout::Rgba) => Samples::Sixteen(rgba(samples)),
    };
    Pixels::new(info, samples).map(Some).map_err(|error| StepError::Tile(error.to_string()))
}

fn rgb<T: Sample>(samples: &[T]) -> Vec<T> {
    samples.chunks_exact(3).map(luma).collect()
}

fn rgba<T: Sample>(samples: &[T]) -> Vec<T> {
    samples.chunks_exact(4).flat_map(|pixel| [luma(pixel), pixel[3]]).collect()
}

fn rgb8(cpu: Cpu, samples: &[u8]) -> Vec<u8> {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked.
            unsafe { avx2::rgb8(samples) }
        }
        _ => rgb(samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_rounding_are_those_of_the_definition() {
        assert_eq!(rgb(&[255u8, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]), [76, 150, 29, 255]);
        assert_eq!(rgb(&[65535u16, 65535, 65535, 1, 1, 1, 0, 0, 0]), [65535, 1, 0]);
        assert_eq!(rgba(&[255u8, 0, 0, 7]), [76, 7]);
    }

    #[test]
    fn every_processor_gives_the_same() {
        for length in (0..200).chain([4096, 4099]) {
            let samples: Vec<u8> = (0..3 * length).map(|at: usize| (at * 151 + at / 7 * 29) as u8).collect();
            for cpu in Cpu::all() {
                assert_eq!(rgb8(cpu, &samples), rgb(&samples), "{cpu:?}, {length} pixels");
            }
        }
    }
}
