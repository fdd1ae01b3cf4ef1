//! `median_blur`: the middle sample of a square.

mod histogram;
mod network;

use super::border::Border;
use super::filter::{Alpha, Filter, Surroundings, filtered};
use super::frame::Frame;
use super::registry::Bound;
use super::sample::Sample;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
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
pub(super) const DEFINITION: Definition = Definition {
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
            let samples = cpu.run(histogram::Counting { frame: &frame });
            Pixels::new(info, Samples::Eight(samples)).map_err(|error| StepError::Tile(error.to_string()))
        }
        _ if side == 3 => filtered(area, around, Three),
        _ => filtered(area, around, Five),
    }
}

#[derive(Clone, Copy)]
struct Three;

impl Filter for Three {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        by_columns(frame, network::sort3, network::median9)
    }
}

#[derive(Clone, Copy)]
struct Five;

impl Filter for Five {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        by_columns(frame, network::sort5, network::median25)
    }
}

/// Sorts each column of a row's square once, then takes the median of as many sorted columns.
#[inline(always)]
fn by_columns<T: Sample, const SIDE: usize>(
    frame: &Frame<'_, T>,
    sort: impl Fn([T; SIDE]) -> [T; SIDE],
    median: impl Fn([[T; SIDE]; SIDE]) -> T,
) -> Vec<T> {
    let mut out = vec![T::default(); frame.output_len()];
    let mut lines: [Vec<T>; SIDE] = std::array::from_fn(|_| vec![T::default(); frame.row_len()]);
    for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
        sort_columns(frame.square(row), lines.each_mut().map(Vec::as_mut_slice), &sort);
        let ranks = lines.each_ref().map(|line| frame.columns::<SIDE>(line));
        for (at, result) in results.iter_mut().enumerate() {
            *result = median(std::array::from_fn(|rank| std::array::from_fn(|column| ranks[rank][column][at])));
        }
    }
    out
}

#[inline(always)]
fn sort_columns<T: Sample, const SIDE: usize>(
    rows: [&[T]; SIDE],
    mut lines: [&mut [T]; SIDE],
    sort: impl Fn([T; SIDE]) -> [T; SIDE],
) {
    let length = rows[0].len();
    let rows = rows.map(|row| &row[..length]);
    lines = lines.map(|line| &mut line[..length]);
    for at in 0..length {
        let sorted = sort(std::array::from_fn(|row| rows[row][at]));
        for rank in 0..SIDE {
            lines[rank][at] = sorted[rank];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::models::follows;
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
