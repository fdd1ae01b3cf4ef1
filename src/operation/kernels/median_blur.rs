//! `median_blur`: the middle sample of a square.

mod histogram;
mod network;

use network::{Median, Sort};

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Filter, Surroundings, filtered};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::lanes::along;
use crate::operation::engine::sample::Sample;
use crate::operation::engine::vectors::Places;
use crate::picture::{Depth, PictureInfo, PixelFormat, Pixels, Samples};

/// Largest side that is done by comparing, and so in 16 bit.
const LARGEST_NETWORK: usize = 5;

/// The middle of the `ksize`² samples around each one, every channel by itself, alpha too.
///
/// # Shape
/// The same layout and depth as the input; `ksize / 2` pixels of halo, the edge repeated at the picture's
/// edge.
///
/// # Errors
/// Refuses 16-bit pictures for `ksize` above 5.
///
/// # Source
/// OpenCV's `medianBlur`, bit for bit. `imageproc`'s median filter counts in
/// histograms of 8 bit for every side; 16 bit it does not take.
pub(crate) const DEFINITION: Definition = Definition {
    name: "median_blur",
    help: "removes specks and keeps edges",
    kind: Kind::Local,
    halo: Halo::Half("ksize"),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::odd("ksize", 5, 255, "side of the square in pixels; at most 5 for 16 bit")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(ksize)] => Ok(Box::new(MedianBlur { side: *ksize as usize, cpu: Cpu::detect() })),
        _ => Err(StepError::Grammar("median_blur: needs ksize".to_owned())),
    }
}

#[derive(Debug)]
struct MedianBlur {
    side: usize,
    cpu: Cpu,
}

impl Kernel for MedianBlur {
    fn check(&self, input: PixelFormat) -> Result<(), StepError> {
        if input.depth == Depth::Eight || self.side <= LARGEST_NETWORK {
            return Ok(());
        }
        let text = format!("median_blur: ksize must be 1, 3 or 5 for a 16-bit picture, got \"{}\"", self.side);
        Err(StepError::Picture(text))
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        self.check(area.pixels().format())?;
        if self.side == 1 { Ok(area.cropped()) } else { median(self.cpu, &area, self.side) }
    }
}

/// The median of the square of `side` around each sample; 16 bit only to a side of 5.
pub(super) fn median(cpu: Cpu, area: &Area, side: usize) -> Result<Pixels, StepError> {
    let around = Surroundings { cpu, radius: side / 2, border: Border::Replicate, alpha: Alpha::Same };
    match area.pixels().samples() {
        Samples::Eight(samples) if side > LARGEST_NETWORK => {
            let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
            let frame = Frame::new(area, samples, around.radius, around.border);
            let samples = Samples::Eight(histogram::medians(cpu, &frame));
            Pixels::new(info, samples).map_err(|error| StepError::Tile(error.to_string()))
        }
        _ if side == 3 => filtered(area, around, Three(cpu)),
        _ => filtered(area, around, Five(cpu)),
    }
}

#[derive(Clone, Copy)]
struct Three(Cpu);

impl Filter for Three {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        by_columns::<T, 3, 9>(self.0, frame)
    }
}

#[derive(Clone, Copy)]
struct Five(Cpu);

impl Filter for Five {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        by_columns::<T, 5, 25>(self.0, frame)
    }
}

/// Sorts each column of a row's square once, then takes the median of as many sorted columns.
fn by_columns<T: Sample, const SIDE: usize, const AREA: usize>(cpu: Cpu, frame: &Frame<'_, T>) -> Vec<T>
where
    Sort: Places<SIDE, SIDE>,
    Median: Places<AREA, 1>,
{
    let mut out = vec![T::default(); frame.output_len()];
    let mut lines: [Vec<T>; SIDE] = std::array::from_fn(|_| vec![T::default(); frame.row_len()]);
    for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
        along(cpu, frame.square::<SIDE>(row), lines.each_mut().map(Vec::as_mut_slice), Sort);
        let mut samples: [&[T]; AREA] = [&[]; AREA];
        for (line, samples) in lines.iter().zip(samples.as_chunks_mut::<SIDE>().0) {
            *samples = frame.columns::<SIDE>(line);
        }
        along(cpu, samples, [results], Median);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows;
    use crate::picture::Layout;

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, side) in Cpu::all().into_iter().flat_map(|cpu| [1, 3, 5, 7, 9, 21].map(|side| (cpu, side))) {
            follows(
                &MedianBlur { side, cpu },
                Alpha::Same,
                |pixels| pixels,
                |plain, place, channel| {
                    let mut square = plain.square(place, channel, side as i64 / 2, Border::Replicate);
                    square.sort_unstable();
                    square[square.len() / 2]
                },
            );
        }
    }

    #[test]
    fn larger_sides_than_5_need_8_bit() {
        let kernel = MedianBlur { side: 7, cpu: Cpu::Portable };
        let format = |depth| PixelFormat { layout: Layout::Gray, depth };
        assert!(kernel.check(format(Depth::Eight)).is_ok());
        let refusal = kernel.check(format(Depth::Sixteen)).unwrap_err().to_string();
        assert_eq!(refusal, "median_blur: ksize must be 1, 3 or 5 for a 16-bit picture, got \"7\"");
    }
}
