//! `cartoon`: even colours and ink along the edges.

use super::bilateral::Bilateral;
use super::morphology::widened;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, StepError, box_blur, grayscale, median_blur};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::eight_bit;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Pixels};

/// How far the mean of the gray reaches, and the halo with its median's: 2 + 4.
const MEAN_RADIUS: u32 = 4;
const HALO: u32 = 6;

/// The `bilateral` (9, 75, 75) of the picture, its colours 0 where `m <= b - 2`: `m` is the `median_blur` of 5
/// of the gray and `b` the mean of 9 x 9 of `m`, its edge repeated. Alpha stays.
///
/// # Shape
/// The same layout as the input, 8 bit; six pixels of halo.
///
/// # Source
/// Its own definition, after OpenCV's `medianBlur` and `adaptiveThreshold`, which give the same ink.
pub(crate) const DEFINITION: Definition = Definition {
    name: "cartoon",
    help: "even colours and inked edges",
    kind: Kind::Local,
    halo: Halo::Fixed(HALO),
    depths: &[Depth::Eight],
    parameters: &[],
    bind: |_| Ok(Box::new(Cartoon { colors: Bilateral::new(Cpu::detect(), 9, 75.0, 75.0), cpu: Cpu::detect() })),
};

#[derive(Debug)]
struct Cartoon {
    colors: Bilateral,
    cpu: Cpu,
}

impl Kernel for Cartoon {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let (smooth, mean) = self.drawing(&area)?;
        let mut pixels = self.colors.run(area)?;
        let layout = pixels.format().layout;
        // Both have one gray channel first, and alpha perhaps.
        let step = layout.to_gray().channels();
        let (smooth, mean) = (eight_bit("cartoon", &smooth)?, eight_bit("cartoon", &mean)?);
        let SamplesMut::Eight(results) = pixels.samples_mut() else {
            return Err(StepError::Tile("cartoon: the colours changed the depth".to_owned()));
        };
        let drawn = smooth.iter().step_by(step).zip(mean.iter().step_by(step));
        for (pixel, (smooth, mean)) in results.chunks_exact_mut(layout.channels()).zip(drawn) {
            if i32::from(*smooth) <= i32::from(*mean) - 2 {
                pixel[..layout.color_channels()].fill(0);
            }
        }
        Ok(pixels)
    }
}

impl Cartoon {
    /// The median of the gray and its mean, for the part asked for.
    fn drawing(&self, area: &Area) -> Result<(Pixels, Pixels), StepError> {
        let gray = area.clone().try_map(|pixels| grayscale::gray(self.cpu, pixels))?;
        let (wider, rest) = widened(gray, MEAN_RADIUS)?;
        let smooth = median_blur::median(self.cpu, &wider, 5)?;
        let misfit = || StepError::Tile("cartoon: a step gave pixels of another size".to_owned());
        let smooth = Area::new(smooth, rest).ok_or_else(misfit)?;
        let mean = box_blur::mean(self.cpu, &smooth, 2 * MEAN_RADIUS as usize + 1, Border::Replicate)?;
        Ok((smooth.cropped(), mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::kernels::bilateral::tests::model;
    use crate::operation::kernels::models::{Plain, follows_plainly};

    fn gray(plain: &Plain, place: [i64; 2]) -> i64 {
        let [red, green, blue] = plain.rgb(place);
        (9798 * red + 19235 * green + 3735 * blue + 16384) >> 15
    }

    fn median(plain: &Plain, [x, y]: [i64; 2]) -> i64 {
        let square = (-2..=2).flat_map(|down| (-2..=2).map(move |right| [x + right, y + down]));
        let mut samples: Vec<i64> = square.map(|place| gray(plain, place)).collect();
        samples.sort_unstable();
        samples[12]
    }

    #[test]
    fn every_processor_follows_the_definition() {
        for cpu in Cpu::all() {
            let kernel = Cartoon { colors: Bilateral::new(cpu, 9, 75.0, 75.0), cpu };
            follows_plainly(&kernel, |plain, place, channel| {
                let square = (-4..=4).flat_map(|down| (-4..=4).map(move |right| (right, down)));
                let inside = |(right, down)| plain.nearest([place[0] + right, place[1] + down]);
                let sum: i64 = square.map(|offset| median(plain, inside(offset))).sum();
                if median(plain, place) <= (sum + 40) / 81 - 2 { 0 } else { model(plain, place, channel, 9, [75.0; 2]) }
            });
        }
    }
}
