//! `canny`: thin edges. Here: the map of a tile; what crosses seams is joined by [`crate::linking`].

mod map;
mod settle;

use map::{Absolute, Gradients, Squared};
use settle::Seams;

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, grayscale};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::eight_bit;
use crate::operation::engine::frame::Frame;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Samples};

/// White where the gray is steepest across an edge: above `high`, or above `low` and joined to such a pixel;
/// alpha stays. The kernel gives a map of [`NONE`], [`WEAK`] and [`STRONG`](crate::linking).
///
/// `gx` and `gy` are those of `sobel`, the edge repeated; their size is `|gx| + |gy|`, or with `l2`
/// `gx² + gy²` and both thresholds squared; 0 outside the picture. A pixel is a peak if it is above its
/// neighbours along the slope, which has four directions.
///
/// # Shape
/// One gray channel of 8 bit, and alpha if there was one; two pixels of halo. That settles the map; joining
/// is global.
///
/// # Units
/// Thresholds are of the size of the gradient: at most 2040.
///
/// # Source
/// OpenCV's `Canny` on gray, bit for bit. `imageproc`'s Canny blurs, has other directions, and needs the whole
/// picture.
///
/// [`NONE`]: crate::linking::NONE
/// [`WEAK`]: crate::linking::WEAK
pub(crate) const DEFINITION: Definition = Definition {
    name: "canny",
    help: "thin white edges",
    kind: Kind::GlobalLinking,
    halo: Halo::Fixed(2),
    depths: &[Depth::Eight],
    parameters: &[
        Parameter::integer("low", 100, 0, 32767, "slopes above it continue an edge"),
        Parameter::integer("high", 200, 0, 32767, "slopes above it begin an edge"),
        Parameter::choice_of_integers(
            "l2",
            &[Value::Integer(0), Value::Integer(1)],
            "1: slopes are measured as the root of squares",
        ),
    ],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    let [Value::Integer(low), Value::Integer(high), Value::Integer(l2)] = values else {
        return Err(StepError::Grammar("canny: needs low, high and l2".to_owned()));
    };
    if low > high {
        return Err(StepError::Grammar(format!("canny: low must not exceed high, got {low} and {high}")));
    }
    let size = if *l2 == 1 { SizeOf::Squares } else { SizeOf::Sum };
    Ok(Box::new(Canny { low: *low as i32, high: *high as i32, size, cpu: Cpu::detect() }))
}

/// How the size of a gradient is measured.
#[derive(Clone, Copy, Debug)]
enum SizeOf {
    Sum,
    Squares,
}

#[derive(Debug)]
struct Canny {
    low: i32,
    high: i32,
    size: SizeOf,
    cpu: Cpu,
}

impl Kernel for Canny {
    fn output(&self, input: PixelFormat) -> PixelFormat {
        PixelFormat { layout: input.layout.to_gray(), ..input }
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let area = area.try_map(|pixels| grayscale::gray(self.cpu, pixels))?;
        let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
        if info.format.layout == Layout::Gray {
            let map = self.map(&area)?;
            return Pixels::new(info, Samples::Eight(map)).map_err(|error| StepError::Tile(error.to_string()));
        }
        let alone = area.clone().try_map(without_alpha)?;
        let map = self.map(&alone)?;
        let mut pixels = area.cropped();
        if let crate::picture::pixels::SamplesMut::Eight(samples) = pixels.samples_mut() {
            samples.iter_mut().step_by(2).zip(map).for_each(|(sample, value)| *sample = value);
        }
        Ok(pixels)
    }
}

impl Canny {
    /// The settled map of a gray area, for the part asked for.
    fn map(&self, area: &Area) -> Result<Vec<u8>, StepError> {
        let samples = eight_bit("canny", area.pixels())?;
        let frame = &Frame::new(area, samples, 2, Border::Replicate);
        let (keep, size) = (area.keep(), area.pixels().size());
        // The halo ends where the picture does: beyond a side without halo is no seam.
        let seams = Seams {
            left: keep.x > 0,
            top: keep.y > 0,
            right: keep.right() < size.width,
            bottom: keep.bottom() < size.height,
        };
        let mut map = match self.size {
            SizeOf::Sum => self.cpu.run(Gradients::<Absolute>::new(frame, seams, [self.low, self.high])),
            SizeOf::Squares => {
                let squares = [self.low * self.low, self.high * self.high];
                self.cpu.run(Gradients::<Squared>::new(frame, seams, squares))
            }
        };
        settle::settle(&mut map, keep.width as usize, seams);
        Ok(map)
    }
}

/// The gray of pixels with gray and alpha.
fn without_alpha(pixels: Pixels) -> Result<Pixels, StepError> {
    let gray = eight_bit("canny", &pixels)?.iter().copied().step_by(2).collect();
    let info = PictureInfo { format: PixelFormat { layout: Layout::Gray, depth: Depth::Eight }, ..pixels.info() };
    Pixels::new(info, Samples::Eight(gray)).map_err(|error| StepError::Tile(error.to_string()))
}

#[cfg(test)]
mod tests;
