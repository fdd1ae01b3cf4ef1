//! `equalize`: all shades about equally often.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Statistic, StepError, Work};
use crate::operation::engine::filter::eight_bit;
use crate::operation::engine::histogram;
use crate::operation::engine::point::each_color;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Layout, PixelFormat, Pixels};

/// Pixels of a block: their parts stay in the first cache.
const BLOCK: usize = 256;

/// A table that spreads the used shades over the range: gray by itself, colours by their Y of YCrCb in
/// integers of 2⁻¹⁴; alpha stays.
///
/// # Shape
/// The same layout as the input, 8 bit; no halo. Measured is the histogram of the gray, or of Y.
///
/// # Source
/// OpenCV's `equalizeHist`, `COLOR_RGB2YCrCb` and `COLOR_YCrCb2RGB`, bit for bit.
pub(crate) const DEFINITION: Definition = Definition {
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
            Layout::Gray | Layout::GrayAlpha => histogram::of_bytes(samples, layout.channels()),
            Layout::Rgb | Layout::Rgba => histogram::of_bytes(&self.cpu.run(Lumas { samples, layout }), 1),
        })
    }

    fn merge(&self, total: &mut [u64], partial: &[u64]) {
        histogram::add(total, partial);
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

struct Lumas<'a> {
    samples: &'a [u8],
    layout: Layout,
}

impl Work for Lumas<'_> {
    type Result = Vec<u8>;

    #[inline(always)]
    fn run(self) -> Vec<u8> {
        let mut out = vec![0; self.samples.len() / self.layout.channels()];
        match self.layout {
            Layout::Rgba => lumas(self.samples.as_chunks::<4>().0, &mut out),
            _ => lumas(self.samples.as_chunks::<3>().0, &mut out),
        }
        out
    }
}

#[inline(always)]
fn lumas<const CHANNELS: usize>(pixels: &[[u8; CHANNELS]], out: &mut [u8]) {
    for (out, pixel) in out.iter_mut().zip(pixels) {
        *out = luma(pixel[0].into(), pixel[1].into(), pixel[2].into()) as u8;
    }
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
            Layout::Rgb => spread(self.samples.as_chunks_mut::<3>().0, self.table),
            Layout::Rgba => spread(self.samples.as_chunks_mut::<4>().0, self.table),
        }
    }
}

/// `(4899 R + 9617 G + 1868 B + 8192) >> 14`.
#[inline(always)]
fn luma(red: i32, green: i32, blue: i32) -> i32 {
    (4899 * red + 9617 * green + 1868 * blue + 8192) >> 14
}

/// To YCrCb, Y by the table, and back; block by block, so that all but the table is done for many pixels at once.
#[inline(always)]
fn spread<const CHANNELS: usize>(pixels: &mut [[u8; CHANNELS]], table: &[u8; 256]) {
    let (mut lumas, mut reds, mut blues) = ([0u8; BLOCK], [0i16; BLOCK], [0i16; BLOCK]);
    for pixels in pixels.chunks_mut(BLOCK) {
        let parts = lumas.iter_mut().zip(&mut reds).zip(&mut blues);
        for (pixel, ((y, cr), cb)) in pixels.iter().zip(parts) {
            let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
            let luma = luma(red, green, blue);
            (*y, *cr, *cb) = (luma as u8, chroma(red - luma, 11682), chroma(blue - luma, 9241));
        }
        lumas.iter_mut().for_each(|luma| *luma = table[usize::from(*luma)]);
        let parts = lumas.iter().zip(&reds).zip(&blues);
        for (pixel, ((y, cr), cb)) in pixels.iter_mut().zip(parts) {
            let (luma, cr, cb) = (i32::from(*y), i32::from(*cr), i32::from(*cb));
            let part = |weighted: i32| (luma + ((weighted + 8192) >> 14)).clamp(0, 255) as u8;
            (pixel[0], pixel[1], pixel[2]) = (part(22987 * cr), part(-5636 * cb - 11698 * cr), part(29049 * cb));
        }
    }
}

/// A weighted difference to Y, within ±128.
#[inline(always)]
fn chroma(difference: i32, weight: i32) -> i16 {
    (((difference * weight + (128 << 14) + 8192) >> 14).clamp(0, 255) - 128) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::border::Border;
    use crate::operation::kernels::models::{Plain, areas, follows_plainly};

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
