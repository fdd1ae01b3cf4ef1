//! `rotate`: quarter turns, clockwise.

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::border::Border;
use crate::operation::engine::frame::Frame;
use crate::operation::engine::mirror::Reverse;
use crate::operation::engine::sample::Sample;
use crate::picture::pixels::PixelsError;
use crate::picture::{Depth, PictureInfo, Pixels, Samples, Turn};

/// The picture turned by 90, 180 or 270 degrees clockwise; no sample is changed.
///
/// # Shape
/// The same layout and depth; 90 and 270 swap width and height. Of a W × H picture the pixel (x, y) goes to
/// (H-1-y, x), (W-1-x, H-1-y) or (y, W-1-x).
///
/// # Source
/// OpenCV's `rotate`.
pub(crate) const DEFINITION: Definition = Definition {
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
        Ok(Box::new(Turned::new(match values {
            [Value::Integer(90)] => Turn::Rotate90,
            [Value::Integer(180)] => Turn::Rotate180,
            [Value::Integer(270)] => Turn::Rotate270,
            _ => return Err(StepError::Grammar("rotate: degrees must be one of 90, 180, 270".to_owned())),
        })))
    },
};

/// Pixels that lie otherwise: the kernel of `rotate` and `flip`.
#[derive(Debug)]
pub(super) struct Turned {
    turn: Turn,
    cpu: Cpu,
}

impl Turned {
    /// The kernel of a turn.
    pub(super) fn new(turn: Turn) -> Self {
        Self { turn, cpu: Cpu::detect() }
    }
}

impl Kernel for Turned {
    fn turn(&self) -> Turn {
        self.turn
    }

    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let misfit = |error: PixelsError| StepError::Tile(error.to_string());
        if self.turn.swaps_sides() {
            let keep = area.keep();
            return self.turn.pixels(area.into_pixels(), keep).map_err(misfit);
        }
        let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
        let samples = match area.pixels().samples() {
            Samples::Eight(samples) => Samples::Eight(self.mirrored(&area, samples)),
            Samples::Sixteen(samples) => Samples::Sixteen(self.mirrored(&area, samples)),
        };
        Pixels::new(info, samples).map_err(misfit)
    }
}

impl Turned {
    /// Rows stay rows: in reverse order, or each reversed, or both.
    fn mirrored<T: Sample>(&self, area: &Area, samples: &[T]) -> Vec<T> {
        let frame = Frame::new(area, samples, 0, Border::Replicate);
        let reverse = Reverse::new::<T>(self.cpu, frame.channels());
        let turns_rows = matches!(self.turn, Turn::FlipHorizontal | Turn::Rotate180);
        let (mut out, mut line) = (Vec::with_capacity(frame.output_len()), vec![T::default(); frame.row_len()]);
        for row in 0..frame.rows() {
            let from = frame.row(if self.turn.keeps_row_order() { row } else { frame.rows() - 1 - row });
            if turns_rows {
                reverse.row(from, &mut line);
                out.extend_from_slice(&line);
            } else {
                out.extend_from_slice(from);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Step;
    use crate::operation::kernels::models::areas;

    #[test]
    fn mirrored_rows_are_those_that_a_turned_picture_has() {
        for (cpu, turn) in Cpu::all().into_iter().flat_map(|cpu| Turn::ALL.map(|turn| (cpu, turn))) {
            for area in areas() {
                let expected = turn.pixels(area.pixels().clone(), area.keep()).unwrap();
                assert_eq!(Turned { turn, cpu }.run(area).unwrap(), expected, "{turn:?}");
            }
        }
    }

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
