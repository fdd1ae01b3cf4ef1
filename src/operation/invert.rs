//! `invert`: the negative.

use super::{Area, Definition, Halo, Kernel, Kind, StepError};
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Layout, Pixels};

/// `top - v` for each colour sample; alpha stays.
pub(super) const DEFINITION: Definition = Definition {
    name: "invert",
    help: "the negative of each colour",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[],
    bind: |_| Ok(Box::new(Invert)),
};

#[derive(Debug)]
struct Invert;

impl Kernel for Invert {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let mut pixels = area.cropped();
        let layout = pixels.format().layout;
        match pixels.samples_mut() {
            SamplesMut::Eight(samples) => invert(samples, layout, |sample| !sample),
            SamplesMut::Sixteen(samples) => invert(samples, layout, |sample| !sample),
        }
        Ok(pixels)
    }
}

#[inline]
fn invert<T: Copy>(samples: &mut [T], layout: Layout, negative: impl Fn(T) -> T) {
    match layout {
        Layout::Gray | Layout::Rgb => samples.iter_mut().for_each(|sample| *sample = negative(*sample)),
        Layout::GrayAlpha => samples.chunks_exact_mut(2).for_each(|pixel| pixel[0] = negative(pixel[0])),
        Layout::Rgba => samples.chunks_exact_mut(4).for_each(|pixel| {
            pixel[..3].iter_mut().for_each(|sample| *sample = negative(*sample));
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_turn_and_alpha_stays() {
        let mut samples = [0u8, 1, 2, 3, 250, 251, 252, 253];
        invert(&mut samples, Layout::Rgba, |sample| !sample);
        assert_eq!(samples, [255, 254, 253, 3, 5, 4, 3, 253]);
        invert(&mut samples, Layout::GrayAlpha, |sample| !sample);
        assert_eq!(samples, [0, 254, 2, 3, 250, 4, 252, 253]);
        let mut deep = [0u16, 65535, 1];
        invert(&mut deep, Layout::Rgb, |sample| !sample);
        assert_eq!(deep, [65535, 0, 65534]);
    }
}
