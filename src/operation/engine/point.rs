//! How kernels without a halo change samples where they are.

use super::area::Area;
use super::cpu::Cpu;
use super::cpu::Work;
use super::sample::Sample;
use crate::operation::error::StepError;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Layout, Pixels};

/// Pixels of a block: their colours stay in the first cache.
const BLOCK: usize = 256;

/// What a kernel does to samples where they are.
pub(crate) trait Change: Copy {
    /// Changes pixels of a layout. Has to be `inline(always)`, as [`Work::run`].
    fn change<T: Sample>(self, samples: &mut [T], layout: Layout);
}

/// Changes the part of an area that is asked for.
pub(crate) fn changed(cpu: Cpu, area: Area, change: impl Change) -> Result<Pixels, StepError> {
    let mut pixels = area.cropped();
    let layout = pixels.format().layout;
    match pixels.samples_mut() {
        SamplesMut::Eight(samples) => cpu.run(Changing { samples, layout, change }),
        SamplesMut::Sixteen(samples) => cpu.run(Changing { samples, layout, change }),
    }
    Ok(pixels)
}

struct Changing<'a, T, C> {
    samples: &'a mut [T],
    layout: Layout,
    change: C,
}

impl<T: Sample, C: Change> Work for Changing<'_, T, C> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        self.change.change(self.samples, self.layout);
    }
}

/// Changes each colour sample; alpha stays.
#[inline(always)]
pub(crate) fn each_color<T: Copy>(samples: &mut [T], layout: Layout, change: impl Fn(T) -> T) {
    match layout {
        Layout::Gray | Layout::Rgb => samples.iter_mut().for_each(|sample| *sample = change(*sample)),
        Layout::GrayAlpha => samples.as_chunks_mut::<2>().0.iter_mut().for_each(|pixel| pixel[0] = change(pixel[0])),
        Layout::Rgba => samples.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| {
            let [red, green, blue, alpha] = *pixel;
            *pixel = [change(red), change(green), change(blue), alpha];
        }),
    }
}

/// Changes the three colours of each pixel together; alpha stays, and so does gray.
#[inline(always)]
pub(crate) fn each_rgb<T: Copy + Default>(samples: &mut [T], layout: Layout, change: impl Fn([T; 3]) -> [T; 3]) {
    match layout {
        Layout::Gray | Layout::GrayAlpha => {}
        Layout::Rgb => by_blocks(samples.as_chunks_mut::<3>().0, change),
        Layout::Rgba => by_blocks(samples.as_chunks_mut::<4>().0, change),
    }
}

/// Block by block, each colour by itself, so that many pixels are changed at once.
#[inline(always)]
fn by_blocks<T: Copy + Default, const CHANNELS: usize>(
    pixels: &mut [[T; CHANNELS]],
    change: impl Fn([T; 3]) -> [T; 3],
) {
    let (mut reds, mut greens, mut blues) = ([T::default(); BLOCK], [T::default(); BLOCK], [T::default(); BLOCK]);
    for pixels in pixels.chunks_mut(BLOCK) {
        let parts = reds.iter_mut().zip(&mut greens).zip(&mut blues);
        for (pixel, ((red, green), blue)) in pixels.iter().zip(parts) {
            (*red, *green, *blue) = (pixel[0], pixel[1], pixel[2]);
        }
        for ((red, green), blue) in reds.iter_mut().zip(&mut greens).zip(&mut blues) {
            [*red, *green, *blue] = change([*red, *green, *blue]);
        }
        let parts = reds.iter().zip(&greens).zip(&blues);
        for (pixel, ((red, green), blue)) in pixels.iter_mut().zip(parts) {
            (pixel[0], pixel[1], pixel[2]) = (*red, *green, *blue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_and_alpha_stays() {
        let layouts = [
            (Layout::Gray, [1, 3, 5, 7], [0, 1, 2, 3]),
            (Layout::GrayAlpha, [1, 1, 5, 3], [0, 1, 2, 3]),
            (Layout::Rgba, [1, 3, 5, 3], [2, 1, 0, 3]),
        ];
        for (layout, each, together) in layouts {
            let mut samples = [0, 1, 2, 3];
            each_color(&mut samples, layout, |sample| 2 * sample + 1);
            assert_eq!(samples, each);
            let mut samples = [0, 1, 2, 3];
            each_rgb(&mut samples, layout, |[red, green, blue]| [blue, green, red]);
            assert_eq!(samples, together);
        }
    }
}
