//! How kernels with a radius run: their arithmetic on a frame, for both depths and each processor.
//!
//! Owns what all of them share besides the frame: the dispatch, and what becomes of alpha.

use super::area::Area;
use super::border::Border;
use super::cpu::Cpu;
use super::cpu::Work;
use super::frame::Frame;
use super::sample::Sample;
use crate::operation::error::StepError;
use crate::picture::{PictureInfo, Pixels, Samples};

/// A kernel's arithmetic.
pub(crate) trait Filter: Copy {
    /// The results for the part asked for, as many samples as it has. Has to be `inline(always)`, as
    /// [`Work::run`].
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T>;
}

/// What a filter does to alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// Copies it.
    Kept,
    /// Treats it as one more channel.
    Same,
}

/// Where a filter runs and on what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// The instructions.
    pub(crate) cpu: Cpu,
    /// Pixels on each side that it looks at.
    pub(crate) radius: usize,
    /// What stands for those beyond the picture.
    pub(crate) border: Border,
    /// What becomes of alpha.
    pub(crate) alpha: Alpha,
}

/// Runs a filter on the part of an area that is asked for; layout and depth stay.
pub(crate) fn filtered(area: &Area, around: Surroundings, filter: impl Filter) -> Result<Pixels, StepError> {
    let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
    let samples = match area.pixels().samples() {
        Samples::Eight(samples) => Samples::Eight(filtered_samples(area, samples, around, filter)),
        Samples::Sixteen(samples) => Samples::Sixteen(filtered_samples(area, samples, around, filter)),
    };
    Pixels::new(info, samples).map_err(|error| StepError::Tile(error.to_string()))
}

fn filtered_samples<T: Sample>(area: &Area, samples: &[T], around: Surroundings, filter: impl Filter) -> Vec<T> {
    let frame = &Frame::new(area, samples, around.radius, around.border);
    let mut out = around.cpu.run(Filtering { frame, filter });
    if around.alpha == Alpha::Kept && area.pixels().format().layout.has_alpha() {
        keep_alpha(frame, &mut out);
    }
    out
}

struct Filtering<'a, T: Clone, F> {
    frame: &'a Frame<'a, T>,
    filter: F,
}

impl<T: Sample, F: Filter> Work for Filtering<'_, T, F> {
    type Result = Vec<T>;

    #[inline(always)]
    fn run(self) -> Vec<T> {
        self.filter.filter(self.frame)
    }
}

/// The samples of an 8-bit picture.
///
/// # Errors
/// If it is of 16 bit. The step's definition refuses that sooner, with the same words.
pub(crate) fn eight_bit<'a>(name: &str, pixels: &'a Pixels) -> Result<&'a [u8], StepError> {
    match pixels.samples() {
        Samples::Eight(samples) => Ok(samples),
        Samples::Sixteen(_) => Err(StepError::Picture(format!("{name}: needs an 8-bit picture, got 16-bit"))),
    }
}

/// Puts the alpha of the part asked for, its last channel, into results.
pub(crate) fn keep_alpha<T: Copy>(frame: &Frame<'_, T>, out: &mut [T]) {
    let channels = frame.channels();
    for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
        let pixels = results.chunks_exact_mut(channels).zip(frame.center(row).chunks_exact(channels));
        pixels.for_each(|(result, pixel)| result[channels - 1] = pixel[channels - 1]);
    }
}
