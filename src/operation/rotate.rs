//! `rotate`: quarter turns, clockwise.

use super::{Area, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::picture::{Depth, Pixels, Turn};

/// The picture turned by 90, 180 or 270 degrees clockwise; no sample is changed.
///
/// # Shape
/// The same layout and depth; 90 and 270 swap width and height. Of a W × H picture the pixel (x, y) goes to
/// (H-1-y, x), (W-1-x, H-1-y) or (y, W-1-x).
///
/// # Source
/// OpenCV's `rotate`.
pub(super) const DEFINITION: Definition = Definition {
    name: "rotate",
    help: "turned clockwise by quarters",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::choice_of_integers(
        "degrees",
        &[Value::Integer(90), Value::Integer(180), Value::Integer(270)],
        "how far, clockwise",
    )],
    bind: |values| {
        Ok(Box::new(Turned(match values {
            [Value::Integer(90)] => Turn::Rotate90,
            [Value::Integer(180)] => Turn::Rotate180,
            [Value::Integer(270)] => Turn::Rotate270,
            _ => return Err(StepError::Grammar("rotate: degrees must be one of 90, 180, 270".to_owned())),
        })))
    },
};

/// Pixels that lie otherwise: the kernel of `rotate` and `flip`.
#[derive(Debug)]
pub(super) struct Turned(pub(super) Turn);

impl Kernel for Turned {
    fn turn(&self) -> Turn {
        self.0
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let keep = area.keep();
        self.0.pixels(area.into_pixels(), keep).map_err(|error| StepError::Tile(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Step;

    #[test]
    fn degrees_are_quarters() {
        let turn = |text: &str| text.parse::<Step>().map(|step| step.turn()).map_err(|error| error.to_string());
        assert_eq!(turn("rotate"), Ok(Turn::Rotate90));
        assert_eq!(turn("rotate:degrees=180"), Ok(Turn::Rotate180));
        assert_eq!(turn("rotate:degrees=270"), Ok(Turn::Rotate270));
        let refusal = "rotate: degrees must be one of 90, 180, 270, got \"45\"";
        assert_eq!(turn("rotate:degrees=45"), Err(refusal.to_owned()));
    }
}
