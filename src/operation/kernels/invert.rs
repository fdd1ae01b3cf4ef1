//! `invert`: the negative.

use super::{Area, Definition, Halo, Kernel, Kind, StepError};
use crate::operation::engine::point::each_color;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Pixels};

/// `top - v` for each colour sample; alpha stays.
pub(crate) const DEFINITION: Definition = Definition {
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
            SamplesMut::Eight(samples) => each_color(samples, layout, |sample| !sample),
            SamplesMut::Sixteen(samples) => each_color(samples, layout, |sample| !sample),
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    #[test]
    fn colours_turn_and_alpha_stays() {
        let mut samples = [0u8, 1, 2, 3, 250, 251, 252, 253];
        each_color(&mut samples, Layout::Rgba, |sample| !sample);
        assert_eq!(samples, [255, 254, 253, 3, 5, 4, 3, 253]);
        each_color(&mut samples, Layout::GrayAlpha, |sample| !sample);
        assert_eq!(samples, [0, 254, 2, 3, 250, 4, 252, 253]);
        let mut deep = [0u16, 65535, 1];
        each_color(&mut deep, Layout::Rgb, |sample| !sample);
        assert_eq!(deep, [65535, 0, 65534]);
    }
}
