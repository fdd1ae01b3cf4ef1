//! `pixelate`: squares of one colour.

use std::ops::Range;

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Filter, Surroundings, filtered};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::Sample;
use crate::operation::engine::weighed::{self, Weighing};
use crate::picture::{Depth, Pixels};

/// The mean of each block, `(2 * sum + n) / (2 * n)` of the `n` pixels it has, on every channel, alpha too. With
/// `alpha=weighted` colours are weighed by alpha instead: `(N + S / 2) / S` with `N = Σ a c` and `S = Σ a`, where `S` is
/// not 0.
///
/// Blocks are counted from the picture's top left corner, as the picture is at that point of the chain;
/// those at the right and the bottom are cut off.
///
/// # Shape
/// The same layout and depth as the input; `block - 1` pixels of halo.
///
/// # Source
/// Its own definition.
pub(crate) const DEFINITION: Definition = Definition {
    name: "pixelate",
    help: "squares of one colour",
    kind: Kind::Local,
    halo: Halo::LessOne("block"),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[
        Parameter::integer("block", 8, 1, 128, "side of the squares in pixels"),
        Parameter::word("alpha", &weighed::WORDS, weighed::HELP),
    ],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(block), Value::Word(alpha)] => {
            let (block, weighing) = (*block as usize, Weighing::of(alpha));
            Ok(Box::new(Pixelate { block, weighing, cpu: Cpu::detect() }))
        }
        _ => Err(StepError::Grammar("pixelate: needs block and alpha".to_owned())),
    }
}

#[derive(Debug)]
struct Pixelate {
    block: usize,
    weighing: Weighing,
    cpu: Cpu,
}

impl Kernel for Pixelate {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let (keep, size, (x, y)) = (area.keep(), area.pixels().size(), area.origin());
        let columns = blocks(keep.x, keep.width, x, size.width, self.block);
        let rows = blocks(keep.y, keep.height, y, size.height, self.block);
        // The border is never looked at: blocks end with the array.
        let radius = self.block - 1;
        let around = Surroundings { cpu: self.cpu, radius, border: Border::Replicate, alpha: Alpha::Same };
        let is_weighed = self.weighing.changes(&area);
        filtered(&area, around, Means { columns: &columns, rows: &rows, is_weighed })
    }
}

/// A block along one side: where its samples are in a frame, and where its results.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    samples: Range<usize>,
    results: Range<usize>,
}

/// The blocks along one side of the part asked for, which begins at `keep` of an array of `size`, whose
/// first pixel is `origin` of the picture.
fn blocks(keep: u32, length: u32, origin: u32, size: u32, block: usize) -> Vec<Block> {
    let (keep, length, origin, size) = (keep as usize, length as usize, origin as usize, size as usize);
    let (first, end) = (origin + keep, origin + keep + length);
    let numbers = first / block..(end - 1) / block + 1;
    let block_of = |number: usize| {
        let span = (number * block).max(origin)..((number + 1) * block).min(origin + size);
        Block {
            // The frame begins `block - 1` before the part asked for.
            samples: span.start + block - 1 - first..span.end + block - 1 - first,
            results: span.start.max(first) - first..span.end.min(end) - first,
        }
    };
    numbers.map(block_of).collect()
}

#[derive(Clone, Copy)]
struct Means<'a> {
    columns: &'a [Block],
    rows: &'a [Block],
    /// The last channel is alpha and weighs the others.
    is_weighed: bool,
}

impl Filter for Means<'_> {
    #[inline(always)]
    fn filter<T: Sample>(self, frame: &Frame<'_, T>) -> Vec<T> {
        let (length, channels) = (frame.output_row_len(), frame.channels());
        let mut out = vec![T::default(); frame.output_len()];
        let mut columns = vec![0u32; frame.row_len()];
        for block in self.rows {
            columns.fill(0);
            for row in block.samples.clone() {
                columns.iter_mut().zip(frame.row(row)).for_each(|(sum, sample)| *sum += sample.wide() as u32);
            }
            let first = block.results.start * length;
            self.along(&columns, block.samples.len(), channels, &mut out[first..first + length]);
            if self.is_weighed {
                self.weigh_along(frame, block, &mut out[first..first + length]);
            }
            for row in block.results.clone().skip(1) {
                out.copy_within(first..first + length, row * length);
            }
        }
        out
    }
}

impl Means<'_> {
    /// A row of results from the sums of a block's columns.
    #[inline(always)]
    fn along<T: Sample>(self, columns: &[u32], height: usize, channels: usize, results: &mut [T]) {
        for block in self.columns {
            let pixels = (block.samples.len() * height) as u64;
            for channel in 0..channels {
                let samples = &columns[block.samples.start * channels..block.samples.end * channels];
                let sum: u64 = samples[channel..].iter().step_by(channels).map(|sum| u64::from(*sum)).sum();
                let mean = T::of(((2 * sum + pixels) / (2 * pixels)) as i32);
                let results = &mut results[block.results.start * channels..block.results.end * channels];
                results[channel..].iter_mut().step_by(channels).for_each(|result| *result = mean);
            }
        }
    }
}

impl Means<'_> {
    /// Changes the colours of a row of results where their blocks have alpha.
    #[inline(always)]
    fn weigh_along<T: Sample>(self, frame: &Frame<'_, T>, rows: &Block, results: &mut [T]) {
        let channels = frame.channels();
        for block in self.columns {
            let mut sums = [0u64; 4];
            for row in rows.samples.clone() {
                let samples = &frame.row(row)[block.samples.start * channels..block.samples.end * channels];
                for pixel in samples.chunks_exact(channels) {
                    let alpha = pixel[channels - 1].wide() as u64;
                    let colors = sums.iter_mut().zip(&pixel[..channels - 1]);
                    colors.for_each(|(sum, color)| *sum += alpha * color.wide() as u64);
                    sums[3] += alpha;
                }
            }
            let weight = sums[3];
            if weight == 0 {
                continue;
            }
            let results = &mut results[block.results.start * channels..block.results.end * channels];
            for pixel in results.chunks_exact_mut(channels) {
                let colors = pixel[..channels - 1].iter_mut().zip(sums);
                colors.for_each(|(result, sum)| *result = T::of(((sum + weight / 2) / weight) as i32));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::models::follows;

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, block) in Cpu::all().into_iter().flat_map(|cpu| [1, 2, 3, 70].map(|block| (cpu, block))) {
            follows(
                &Pixelate { block, weighing: Weighing::Separate, cpu },
                Alpha::Same,
                |pixels| pixels,
                |plain, [x, y], channel| {
                    let side = block as i64;
                    let places = plain.inside(x / side * side, y / side * side, side - 1);
                    let samples = places.filter(|(column, row)| column / side == x / side && row / side == y / side);
                    let samples: Vec<i64> = samples.map(|(x, y)| plain.at(x, y, channel, Border::Replicate)).collect();
                    let (sum, n) = (samples.iter().sum::<i64>(), samples.len() as i64);
                    (2 * sum + n) / (2 * n)
                },
            );
        }
    }

    #[test]
    fn colours_are_weighed_by_alpha() {
        for (cpu, block) in Cpu::all().into_iter().flat_map(|cpu| [1, 2, 3, 70].map(|block| (cpu, block))) {
            follows(
                &Pixelate { block, weighing: Weighing::Weighted, cpu },
                Alpha::Same,
                |pixels| pixels,
                |plain, [x, y], channel| {
                    let side = block as i64;
                    let of = |channel: usize| -> Vec<i64> {
                        let places = plain.inside(x / side * side, y / side * side, side - 1);
                        let samples =
                            places.filter(|(column, row)| column / side == x / side && row / side == y / side);
                        samples.map(|(x, y)| plain.at(x, y, channel, Border::Replicate)).collect()
                    };
                    let (sum, n) = (of(channel).iter().sum::<i64>(), of(channel).len() as i64);
                    plain.weighed(channel, &vec![1; n as usize], of).unwrap_or((2 * sum + n) / (2 * n))
                },
            );
        }
    }

    #[test]
    fn blocks_are_counted_from_the_pictures_corner() {
        // Columns 5 to 8 of a picture of 11, in an array that begins with its column 3.
        assert_eq!(
            blocks(2, 4, 3, 8, 4),
            [Block { samples: 2..6, results: 0..3 }, Block { samples: 6..9, results: 3..4 }]
        );
    }
}
