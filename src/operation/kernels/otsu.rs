//! `otsu`: black or white, by the level that parts the grays best.

use super::threshold::Threshold;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Statistic, StepError, grayscale};
use crate::operation::engine::histogram;
use crate::picture::{Depth, PixelFormat, Pixels, Samples};

/// [`threshold`](super::threshold) at the level with the greatest variance between the grays up to it and
/// those above it, over the whole picture; alpha stays.
///
/// # Shape
/// One gray channel of the input's depth, and alpha if there was one; no halo. Measured is the histogram of
/// the gray.
///
/// # Source
/// OpenCV's `threshold` with `THRESH_OTSU`, in its own order of steps, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
    name: "otsu",
    help: "black and white by the level that fits the picture",
    kind: Kind::GlobalStatistic,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Otsu)),
};

#[derive(Debug)]
struct Otsu;

impl Kernel for Otsu {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn statistic(&self) -> Option<&dyn Statistic> {
        Some(self)
    }

    fn run(&self, _: Area) -> Result<Pixels, StepError> {
        Err(StepError::unmeasured("otsu"))
    }
}

impl Statistic for Otsu {
    fn length(&self, format: PixelFormat) -> usize {
        format.depth.top() as usize + 1
    }

    fn measure(&self, pixels: &Pixels) -> Result<Vec<u64>, StepError> {
        let gray = grayscale::gray_of(Cpu::detect(), pixels)?;
        let gray = gray.as_ref().unwrap_or(pixels);
        let channels = gray.format().layout.channels();
        Ok(match gray.samples() {
            Samples::Eight(samples) => histogram::of_bytes(samples, channels),
            Samples::Sixteen(samples) => histogram::of_words(samples, channels),
        })
    }

    fn merge(&self, total: &mut [u64], partial: &[u64]) {
        histogram::add(total, partial);
    }

    fn resolve(&self, _: PixelFormat, total: &[u64]) -> Vec<i64> {
        vec![level(total)]
    }

    fn bind(&self, numbers: &[i64]) -> Result<Box<dyn Kernel>, StepError> {
        match numbers {
            [level @ 0..=65535] => Ok(Box::new(Threshold::at(*level as i32))),
            _ => Err(StepError::Tile("otsu: needs one level of 0 to 65535".to_owned())),
        }
    }
}

/// The level of a histogram; the order of steps is part of the definition.
fn level(counts: &[u64]) -> i64 {
    const LEAST: f64 = 1.0 / (1 << 23) as f64;
    let scale = 1.0 / counts.iter().map(|count| *count as f64).sum::<f64>();
    let mean = scale * counts.iter().enumerate().map(|(value, count)| value as f64 * *count as f64).sum::<f64>();
    let (mut mean_below, mut below, mut best, mut level) = (0.0, 0.0, 0.0, 0);
    for (value, count) in counts.iter().enumerate() {
        let share = *count as f64 * scale;
        mean_below *= below;
        below += share;
        let above = 1.0 - below;
        if below.min(above) < LEAST || below.max(above) > 1.0 - LEAST {
            continue;
        }
        mean_below = (mean_below + value as f64 * share) / below;
        let mean_above = (mean - below * mean_below) / above;
        let spread = below * above * (mean_below - mean_above) * (mean_below - mean_above);
        if spread > best {
            (best, level) = (spread, value as i64);
        }
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Layout, PictureInfo, Size};

    #[test]
    fn the_level_parts_two_heaps() {
        let mut counts = [0; 256];
        (counts[10], counts[12], counts[200]) = (5, 5, 8);
        assert_eq!(level(&counts), 12);
        assert_eq!(level(&[0; 256]), 0);
        assert_eq!(level(&[u64::MAX; 256]), 127);
    }

    #[test]
    fn the_gray_is_counted_and_alpha_is_not() {
        let format = PixelFormat { layout: Layout::Rgba, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width: 2, height: 1 }, format };
        let pixels = Pixels::from_bytes(info, vec![255, 0, 0, 9, 255, 255, 255, 9]).unwrap();
        let counts = Otsu.measure(&pixels).unwrap();
        assert_eq!((counts.len(), counts[76], counts[255], counts.iter().sum()), (256, 1, 1, 2u64));
        assert!(Otsu.bind(&[65536]).is_err() && Otsu.bind(&[]).is_err());
    }
}
