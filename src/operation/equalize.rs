//! `equalize`: all shades about equally often.

use super::filter::eight_bit;
use super::histogram::{add, histogram};
use super::point::{each_color, each_rgb};
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Statistic, StepError, Work};
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Layout, PixelFormat, Pixels};

/// A table that spreads the used shades over the range: gray by itself, colours by their Y of YCrCb in
/// integers of 2⁻¹⁴; alpha stays.
///
/// # Shape
/// The same layout as the input, 8 bit; no halo. Measured is the histogram of the gray, or of Y.
///
/// # Source
/// OpenCV's `equalizeHist`, `COLOR_RGB2YCrCb` and `COLOR_YCrCb2RGB`, bit for bit.
pub(super) const DEFINITION: Definition = Definition {
    name: "equalize",
    help: "spreads the shades over the whole range",
    kind: Kind::GlobalStatistic,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight],
    parameters: &[],
    bind: |_| Ok(Box::new(Equalize { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Equalize {
    cpu: Cpu,
}

impl Kernel for Equalize {
    fn statistic(&self) -> Option<&dyn Statistic> {
        Some(self)
    }

    fn run(&self, _: Area) -> Result<Pixels, StepError> {
        Err(StepError::unmeasured("equalize"))
    }
}

impl Statistic for Equalize {
    fn length(&self, _: PixelFormat) -> usize {
        256
    }

    fn measure(&self, pixels: &Pixels) -> Result<Vec<u64>, StepError> {
        let samples = eight_bit("equalize", pixels)?;
        let layout = pixels.format().layout;
        Ok(match layout {
            Layout::Gray | Layout::GrayAlpha => histogram(samples, layout.channels(), 256),
            Layout::Rgb => histogram(&lumas::<3>(samples), 1, 256),
            Layout::Rgba => histogram(&lumas::<4>(samples), 1, 256),
        })
    }

    fn merge(&self, total: &mut [u64], partial: &[u64]) {
        add(total, partial);
    }

    fn resolve(&self, _: PixelFormat, total: &[u64]) -> Vec<i64> {
        table(total)
    }

    fn bind(&self, numbers: &[i64]) -> Result<Box<dyn Kernel>, StepError> {
        let table: Option<Vec<u8>> = numbers.iter().map(|number| u8::try_from(*number).ok()).collect();
        match table.and_then(|table| table.try_into().ok()) {
            Some(table) => Ok(Box::new(Spread { table, cpu: self.cpu })),
            None => Err(StepError::Tile("equalize: needs 256 numbers of 0 to 255".to_owned())),
        }
    }
}

fn lumas<const CHANNELS: usize>(samples: &[u8]) -> Vec<u8> {
    samples
        .as_chunks::<CHANNELS>()
        .0
        .iter()
        .map(|pixel| luma(pixel[0].into(), pixel[1].into(), pixel[2].into()) as u8)
        .collect()
}

/// What becomes of each shade; nothing changes if there is only one.
fn table(counts: &[u64]) -> Vec<i64> {
    let all: u64 = counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let first = counts.iter().position(|count| *count > 0).unwrap_or(0);
    let others = all - counts.get(first).copied().unwrap_or(0);
    if others == 0 {
        return (0..256).collect();
    }
    let scale = 255f32 / others as f32;
    let mut sum = 0u64;
    let entry = |(value, count): (usize, &u64)| {
        sum = if value > first { sum.saturating_add(*count) } else { 0 };
        ((sum as f32 * scale).round_ties_even() as i64).clamp(0, 255)
    };
    counts.iter().enumerate().map(entry).collect()
}

/// The local kernel, with the table.
#[derive(Debug)]
struct Spread {
    table: [u8; 256],
    cpu: Cpu,
}

impl Kernel for Spread {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let mut pixels = area.cropped();
        eight_bit("equalize", &pixels)?;
        let layout = pixels.format().layout;
        if let SamplesMut::Eight(samples) = pixels.samples_mut() {
            self.cpu.run(Spreading { samples, layout, table: &self.table });
        }
        Ok(pixels)
    }
}

struct Spreading<'a> {
    samples: &'a mut [u8],
    layout: Layout,
    table: &'a [u8; 256],
}

impl Work for Spreading<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        match self.layout {
            Layout::Gray | Layout::GrayAlpha => {
                each_color(self.samples, self.layout, |sample| self.table[usize::from(sample)]);
            }
            Layout::Rgb | Layout::Rgba => each_rgb(self.samples, self.layout, |pixel| spread(pixel, self.table)),
        }
    }
}

/// `(4899 R + 9617 G + 1868 B + 8192) >> 14`.
#[inline(always)]
fn luma(red: i32, green: i32, blue: i32) -> i32 {
    (4899 * red + 9617 * green + 1868 * blue + 8192) >> 14
}

/// To YCrCb, Y by the table, and back.
#[inline(always)]
fn spread(pixel: [u8; 3], table: &[u8; 256]) -> [u8; 3] {
    let [red, green, blue] = pixel.map(i32::from);
    let luma = luma(red, green, blue);
    let chroma = |difference: i32, weight: i32| ((difference * weight + (128 << 14) + 8192) >> 14).clamp(0, 255) - 128;
    let (cr, cb) = (chroma(red - luma, 11682), chroma(blue - luma, 9241));
    let luma = i32::from(table[usize::from(luma as u8)]);
    let part = |weighted: i32| (luma + ((weighted + 8192) >> 14)).clamp(0, 255) as u8;
    [part(22987 * cr), part(-5636 * cb - 11698 * cr), part(29049 * cb)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::border::Border;
    use crate::operation::models::{Plain, areas, follows_plainly};

    fn luma_of(plain: &Plain, place: [i64; 2]) -> i64 {
        let [red, green, blue] = plain.rgb(place);
        if plain.colors == 1 { red } else { (4899 * red + 9617 * green + 1868 * blue + 8192) >> 14 }
    }

    fn model(plain: &Plain, place: [i64; 2], channel: usize) -> i64 {
        let table = |v: i64| 255 - v / 2;
        if plain.colors == 1 {
            return table(plain.at(place[0], place[1], channel, Border::Replicate));
        }
        let ([red, _, blue], y) = (plain.rgb(place), luma_of(plain, place));
        let cr = (((red - y) * 11682 + 2_097_152 + 8192) >> 14).clamp(0, 255) - 128;
        let cb = (((blue - y) * 9241 + 2_097_152 + 8192) >> 14).clamp(0, 255) - 128;
        let parts = [22987 * cr, -5636 * cb - 11698 * cr, 29049 * cb];
        (table(y) + ((parts[channel] + 8192) >> 14)).clamp(0, 255)
    }

    #[test]
    fn every_processor_follows_the_definition() {
        let numbers: Vec<i64> = (0..256).map(|v| 255 - v / 2).collect();
        for cpu in Cpu::all() {
            follows_plainly(Equalize { cpu }.bind(&numbers).unwrap().as_ref(), model);
        }
    }

    #[test]
    fn gray_and_luma_are_counted() {
        for area in areas().into_iter().filter(|area| area.pixels().format().depth == Depth::Eight) {
            let pixels = area.cropped();
            let (plain, size) = (Plain::new(&pixels), pixels.size());
            let mut expected = vec![0; 256];
            for (y, x) in (0..size.height).flat_map(|y| (0..size.width).map(move |x| (y, x))) {
                expected[luma_of(&plain, [x.into(), y.into()]) as usize] += 1;
            }
            assert_eq!(Equalize { cpu: Cpu::detect() }.measure(&pixels).unwrap(), expected);
        }
    }

    #[test]
    fn the_first_used_shade_becomes_black_and_the_last_white() {
        let mut counts = vec![0; 256];
        (counts[3], counts[5], counts[9]) = (7, 1, 3);
        let table = table(&counts);
        assert_eq!([table[0], table[3], table[5], table[9], table[255]], [0, 0, 64, 255, 255]);
        let mut one = vec![0; 256];
        one[77] = 5;
        assert!(super::table(&one).into_iter().eq(0..256));
        assert!(Equalize { cpu: Cpu::Portable }.bind(&[256; 256]).is_err());
    }
}
