//! `flip`: left and right, or top and bottom, change places.

use super::rotate::Turned;
use super::{Definition, Halo, Kind, Parameter, StepError, Value};
use crate::picture::{Depth, Turn};

/// The picture mirrored; no sample is changed.
///
/// # Shape
/// The same as the input.
///
/// # Source
/// OpenCV's `flip`.
pub(crate) const DEFINITION: Definition = Definition {
    name: "flip",
    help: "mirrored: h swaps left and right, v top and bottom",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::word(
        "axis",
        &[Value::Word("h"), Value::Word("v")],
        "h: left and right, v: top and bottom",
    )],
    bind: |values| match values {
        [Value::Word("h")] => Ok(Box::new(Turned::new(Turn::FlipHorizontal))),
        [Value::Word("v")] => Ok(Box::new(Turned::new(Turn::FlipVertical))),
        _ => Err(StepError::Grammar("flip: axis must be one of h, v".to_owned())),
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Step;

    #[test]
    fn the_axis_is_a_word_of_two() {
        let turn = |text: &str| text.parse::<Step>().map(|step| step.turn()).map_err(|error| error.to_string());
        assert_eq!(turn("flip"), Ok(Turn::FlipHorizontal));
        assert_eq!(turn("flip:axis=v"), Ok(Turn::FlipVertical));
        assert_eq!(turn("flip:axis=x"), Err("flip: axis must be one of h, v, got \"x\"".to_owned()));
        assert_eq!("flip".parse::<Step>().unwrap().to_string(), "flip:axis=h");
    }
}
