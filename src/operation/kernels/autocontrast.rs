//! `autocontrast`: each colour stretched over the whole range.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Statistic, StepError, Work};
use crate::operation::engine::point::{Change, changed};
use crate::operation::engine::sample::{Sample, whole64};
use crate::picture::{Depth, Layout, PixelFormat, Pixels, Samples};

/// `clip(trunc(v * scale + offset))` with `scale = top / (high - low)` and `offset = -low * scale` in double
/// precision, `low` and `high` being the smallest and largest sample of that colour in the whole picture;
/// a colour of one sample only stays, and so does alpha.
///
/// # Shape
/// The same layout and depth as the input; no halo. Measured are the ends of each colour.
///
/// # Source
/// Pillow's `ImageOps.autocontrast` on 8 bit, bit for bit; 16 bit by the same formula.
pub(crate) const DEFINITION: Definition = Definition {
    name: "autocontrast",
    help: "each colour stretched over the whole range",
    kind: Kind::GlobalStatistic,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Autocontrast { cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Autocontrast {
    cpu: Cpu,
}

impl Kernel for Autocontrast {
    fn statistic(&self) -> Option<&dyn Statistic> {
        Some(self)
    }

    fn run(&self, _: Area) -> Result<Pixels, StepError> {
        Err(StepError::unmeasured("autocontrast"))
    }
}

impl Statistic for Autocontrast {
    fn length(&self, format: PixelFormat) -> usize {
        2 * format.layout.color_channels()
    }

    fn measure(&self, pixels: &Pixels) -> Result<Vec<u64>, StepError> {
        let layout = pixels.format().layout;
        Ok(match pixels.samples() {
            Samples::Eight(samples) => self.cpu.run(Ends { samples, layout }),
            Samples::Sixteen(samples) => self.cpu.run(Ends { samples, layout }),
        })
    }

    fn merge(&self, total: &mut [u64], partial: &[u64]) {
        for (at, (total, partial)) in total.iter_mut().zip(partial).enumerate() {
            *total = if at % 2 == 0 { (*total).min(*partial) } else { (*total).max(*partial) };
        }
    }

    fn resolve(&self, format: PixelFormat, total: &[u64]) -> Vec<i64> {
        let number = |at: usize| total.get(at).map_or(0, |end| (*end).min(65535) as i64);
        (0..self.length(format)).map(number).collect()
    }

    fn bind(&self, numbers: &[i64]) -> Result<Box<dyn Kernel>, StepError> {
        let inside = numbers.iter().all(|number| (0..=65535).contains(number));
        match numbers {
            [low, high] if inside => Ok(Box::new(Stretch { ends: [[*low, *high]; 3], cpu: self.cpu })),
            [a, b, c, d, e, f] if inside => {
                Ok(Box::new(Stretch { ends: [[*a, *b], [*c, *d], [*e, *f]], cpu: self.cpu }))
            }
            _ => Err(StepError::Tile("autocontrast: needs two numbers of 0 to 65535 for each colour".to_owned())),
        }
    }
}

struct Ends<'a, T> {
    samples: &'a [T],
    layout: Layout,
}

impl<T: Sample> Work for Ends<'_, T> {
    type Result = Vec<u64>;

    #[inline(always)]
    fn run(self) -> Vec<u64> {
        let ends = match self.layout {
            Layout::Gray => ends::<T, 1>(self.samples),
            Layout::GrayAlpha => ends::<T, 2>(self.samples),
            Layout::Rgb => ends::<T, 3>(self.samples),
            Layout::Rgba => ends::<T, 4>(self.samples),
        };
        let colors = ends.into_iter().take(self.layout.color_channels());
        colors.flatten().map(|end| end.wide() as u64).collect()
    }
}

/// The smallest and largest sample of each channel. Blocks of whole pixels are compared place by place, which
/// needs no parting of channels.
#[inline(always)]
fn ends<T: Sample, const CHANNELS: usize>(samples: &[T]) -> Vec<[T; 2]> {
    const BLOCK: usize = 96;
    let (mut low, mut high) = ([T::of(T::TOP); BLOCK], [T::default(); BLOCK]);
    let mut widen = |block: &[T]| {
        for ((low, high), sample) in low.iter_mut().zip(&mut high).zip(block) {
            (*low, *high) = ((*low).min(*sample), (*high).max(*sample));
        }
    };
    let (blocks, rest) = samples.as_chunks::<BLOCK>();
    blocks.iter().for_each(|block| widen(block));
    widen(rest);
    let channel = |channel: usize| {
        let places = || (channel..BLOCK).step_by(CHANNELS);
        let (low, high) = (places().map(|at| low[at]).min(), places().map(|at| high[at]).max());
        [low.unwrap_or_default(), high.unwrap_or_default()]
    };
    (0..CHANNELS).map(channel).collect()
}

/// The local kernel, with the ends of each colour.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    ends: [[i64; 2]; 3],
    cpu: Cpu,
}

impl Kernel for Stretch {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        changed(self.cpu, area, *self)
    }
}

impl Change for Stretch {
    #[inline(always)]
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout) {
        if self.ends == [[0, i64::from(T::TOP)]; 3] {
            return;
        }
        let lines = self.ends.map(|ends| Line::new::<T>(ends));
        if T::TOP > 255 {
            return each_by_channel(samples, layout, |channel, sample| lines[channel].at(sample));
        }
        let tables: [[T; 256]; 3] = lines.map(|line| std::array::from_fn(|sample| line.at(T::of(sample as i32))));
        each_by_channel(samples, layout, |channel, sample| tables[channel][(sample.wide() & 255) as usize]);
    }
}

/// Changes each colour in its own way; alpha stays.
#[inline(always)]
fn each_by_channel<T: Copy>(samples: &mut [T], layout: Layout, change: impl Fn(usize, T) -> T) {
    match layout {
        Layout::Gray => samples.iter_mut().for_each(|sample| *sample = change(0, *sample)),
        Layout::GrayAlpha => samples.as_chunks_mut::<2>().0.iter_mut().for_each(|pixel| pixel[0] = change(0, pixel[0])),
        Layout::Rgb => samples.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| {
            *pixel = [change(0, pixel[0]), change(1, pixel[1]), change(2, pixel[2])];
        }),
        Layout::Rgba => samples.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| {
            *pixel = [change(0, pixel[0]), change(1, pixel[1]), change(2, pixel[2]), pixel[3]];
        }),
    }
}

/// What becomes of a colour's samples.
#[derive(Clone, Copy)]
struct Line {
    scale: f64,
    offset: f64,
}

impl Line {
    #[inline(always)]
    fn new<T: Sample>([low, high]: [i64; 2]) -> Self {
        if high <= low {
            return Self { scale: 1.0, offset: 0.0 };
        }
        let scale = f64::from(T::TOP) / (high - low) as f64;
        Self { scale, offset: -(low as f64) * scale }
    }

    /// Clipped before it is cut off: nothing between -1 and 0 differs by that.
    #[inline(always)]
    fn at<T: Sample>(self, sample: T) -> T {
        let moved = f64::from(sample.wide()) * self.scale + self.offset;
        T::of(whole64(moved.clamp(0.0, f64::from(T::TOP))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::border::Border;
    use crate::operation::kernels::models::{areas, follows_plainly, samples};

    #[test]
    fn every_processor_follows_the_definition() {
        for cpu in Cpu::all() {
            let ends = [10, 200, 7, 7, 3, 30000];
            follows_plainly(&Stretch { ends: [[10, 200], [7, 7], [3, 30000]], cpu }, |plain, [x, y], channel| {
                let (v, low, high) =
                    (plain.at(x, y, channel, Border::Replicate), ends[2 * channel], ends[2 * channel + 1]);
                let scale = plain.top as f64 / (high - low) as f64;
                if high == low { v } else { ((v as f64 * scale + -(low as f64) * scale) as i64).clamp(0, plain.top) }
            });
        }
    }

    #[test]
    fn the_ends_of_each_colour_are_found() {
        for (cpu, area) in Cpu::all().into_iter().flat_map(|cpu| areas().into_iter().map(move |area| (cpu, area))) {
            let pixels = area.cropped();
            let layout = pixels.format().layout;
            let samples = samples(&pixels);
            let channel = |channel: usize| samples.iter().skip(channel).step_by(layout.channels()).map(|v| *v as u64);
            let ends =
                (0..layout.color_channels()).flat_map(|c| [channel(c).min().unwrap(), channel(c).max().unwrap()]);
            assert_eq!(Autocontrast { cpu }.measure(&pixels).unwrap(), ends.collect::<Vec<_>>());
        }
    }

    #[test]
    fn ends_of_parts_are_merged() {
        let (statistic, mut total) = (Autocontrast { cpu: Cpu::Portable }, vec![5, 9]);
        statistic.merge(&mut total, &[3, 4]);
        assert_eq!(total, [3, 9]);
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        assert_eq!(statistic.resolve(format, &[u64::MAX, 9]), [65535, 9]);
        assert!(statistic.bind(&[1, 2, 3]).is_err() && statistic.bind(&[0, 65536]).is_err());
    }
}
