//! `bilateral`: a blur that stops at edges.

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value, Work};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{eight_bit, keep_alpha};
use crate::operation::engine::frame::Frame;
use crate::operation::engine::sample::whole64;
use crate::picture::{Depth, PictureInfo, Pixels, Samples};

/// Entries of the table of closeness: more than the largest sum of three differences, 765.
const LEVELS: usize = 1024;

/// The weighted mean of a disc of `d` pixels: weights fall with the distance and with the difference of
/// colour, as products of two Gaussians in units of 2⁻¹², rounded; all colours share them. Alpha stays.
///
/// # Shape
/// The same layout as the input, 8 bit; `d / 2` pixels of halo, mirrored (reflect101) at the picture's edge.
///
/// # Units
/// Weights are at most 4096, so that all sums fit 32 bits.
///
/// # Source
/// Its own definition, after OpenCV's `bilateralFilter`, whose floats change with the machine.
/// `imageproc`'s bilateral filter weighs in floats too.
pub(crate) const DEFINITION: Definition = Definition {
    name: "bilateral",
    help: "smooths surfaces and keeps edges",
    kind: Kind::Local,
    halo: Halo::Half("d"),
    depths: &[Depth::Eight],
    parameters: &[
        Parameter::odd("d", 9, 31, "diameter of the disc in pixels"),
        Parameter::decimal("sigma_color", 75.0, 0.1, 1000.0, "differences of colour that still count"),
        Parameter::decimal("sigma_space", 75.0, 0.1, 1000.0, "distances that still count, in pixels"),
    ],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Integer(d), Value::Decimal(color), Value::Decimal(space)] => {
            Ok(Box::new(Bilateral::new(Cpu::detect(), *d as usize, *color, *space)))
        }
        _ => Err(StepError::Grammar("bilateral: needs d, sigma_color and sigma_space".to_owned())),
    }
}

/// The filter with its tables.
#[derive(Debug)]
pub(super) struct Bilateral {
    radius: usize,
    /// Row and column in the square around a pixel, and the weight of that distance.
    disc: Vec<(usize, usize, u32)>,
    /// The weight of each difference of colour.
    closeness: Vec<u16>,
    cpu: Cpu,
}

impl Bilateral {
    /// For a disc of `d` pixels (odd) and the deviations of both Gaussians.
    pub(super) fn new(cpu: Cpu, d: usize, sigma_color: f64, sigma_space: f64) -> Self {
        let radius = d / 2;
        let square = (0..=2 * radius).flat_map(|down| (0..=2 * radius).map(move |right| (down, right)));
        let distance = |(down, right)| radius.abs_diff(down).pow(2) + radius.abs_diff(right).pow(2);
        let disc = square.filter(|place| distance(*place) <= radius * radius);
        let weighted = |place: (usize, usize)| (place.0, place.1, weight(distance(place) as f64, sigma_space));
        Self {
            radius,
            disc: disc.map(weighted).collect(),
            closeness: (0..LEVELS).map(|t| weight((t * t) as f64, sigma_color) as u16).collect(),
            cpu,
        }
    }
}

/// `rint(4096 exp(-square / (2 sigma²)))`.
fn weight(square: f64, sigma: f64) -> u32 {
    (4096.0 * (-square / (2.0 * sigma * sigma)).exp()).round_ties_even() as u32
}

impl Kernel for Bilateral {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
        let samples = eight_bit("bilateral", area.pixels())?;
        let frame = &Frame::new(&area, samples, self.radius, Border::Reflect101);
        let mut out = match info.format.layout.color_channels() {
            1 => self.cpu.run(Smoothing::<1> { filter: self, frame }),
            _ => self.cpu.run(Smoothing::<3> { filter: self, frame }),
        };
        if info.format.layout.has_alpha() {
            keep_alpha(frame, &mut out);
        }
        Pixels::new(info, Samples::Eight(out)).map_err(|error| StepError::Tile(error.to_string()))
    }
}

struct Smoothing<'a, const COLORS: usize> {
    filter: &'a Bilateral,
    frame: &'a Frame<'a, u8>,
}

impl<const COLORS: usize> Work for Smoothing<'_, COLORS> {
    type Result = Vec<u8>;

    #[inline(always)]
    fn run(self) -> Vec<u8> {
        let (frame, channels) = (self.frame, self.frame.channels());
        let width = frame.output_row_len() / channels;
        let planes = Planes::<COLORS>::new(frame);
        let mut out = vec![0; frame.output_len()];
        let mut sums = Sums::<COLORS>::new(width);
        let Ok(closeness) = <&[u16; LEVELS]>::try_from(self.filter.closeness.as_slice()) else { return out };
        for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
            sums.clear();
            let center = planes.row(row + frame.radius(), frame.radius(), width);
            for (down, right, nearness) in &self.filter.disc {
                sums.add(center, planes.row(row + down, *right, width), *nearness, closeness);
            }
            sums.finish(results, channels);
        }
        out
    }
}

/// The colours of a frame, each by itself.
struct Planes<const COLORS: usize> {
    samples: [Vec<u8>; COLORS],
    width: usize,
}

impl<const COLORS: usize> Planes<COLORS> {
    #[inline(always)]
    fn new(frame: &Frame<'_, u8>) -> Self {
        let channels = frame.channels();
        let plane = |color: usize| {
            let rows = (0..frame.rows()).map(|row| frame.row(row)[color..].iter().step_by(channels));
            rows.flatten().copied().collect()
        };
        Self { samples: std::array::from_fn(plane), width: frame.row_len() / channels }
    }

    #[inline(always)]
    fn row(&self, row: usize, column: usize, width: usize) -> [&[u8]; COLORS] {
        self.samples.each_ref().map(|plane| &plane[row * self.width + column..][..width])
    }
}

/// Sums over the disc around each pixel of a row.
struct Sums<const COLORS: usize> {
    weights: Vec<u32>,
    colors: [Vec<u32>; COLORS],
    /// The weights of one place of the disc.
    place: Vec<u16>,
}

impl<const COLORS: usize> Sums<COLORS> {
    fn new(width: usize) -> Self {
        Self { weights: vec![0; width], colors: std::array::from_fn(|_| vec![0; width]), place: vec![0; width] }
    }

    fn clear(&mut self) {
        self.weights.fill(0);
        self.colors.iter_mut().for_each(|sums| sums.fill(0));
    }

    #[inline(always)]
    fn add(&mut self, center: [&[u8]; COLORS], other: [&[u8]; COLORS], nearness: u32, closeness: &[u16; LEVELS]) {
        let width = self.place.len();
        // A loop a colour: a sum over colours for each pixel becomes a call.
        self.place.fill(0);
        for (center, other) in center.iter().zip(other) {
            let samples = center[..width].iter().zip(&other[..width]);
            let places = self.place.iter_mut().zip(samples);
            places.for_each(|(place, (center, other))| *place += u16::from(center.abs_diff(*other)));
        }
        for place in &mut self.place {
            *place = closeness[usize::from(*place) % LEVELS];
        }
        for place in &mut self.place {
            *place = ((nearness * u32::from(*place) + 2048) >> 12) as u16;
        }
        self.weights.iter_mut().zip(&self.place).for_each(|(sum, weight)| *sum += u32::from(*weight));
        for (sums, other) in self.colors.iter_mut().zip(other) {
            let weighted = self.place.iter().zip(other);
            sums.iter_mut().zip(weighted).for_each(|(sum, (weight, v))| *sum += u32::from(*weight) * u32::from(*v));
        }
    }

    /// `(Σ w v + (Σ w) / 2) / Σ w`. Doubles give whole quotients exactly, and all others are farther from the
    /// next whole number than they err.
    #[inline(always)]
    fn finish(&self, results: &mut [u8], channels: usize) {
        for (color, sums) in self.colors.iter().enumerate() {
            let results = results[color..].iter_mut().step_by(channels);
            for (result, (sum, weights)) in results.zip(sums.iter().zip(&self.weights)) {
                *result = whole64(f64::from(sum + weights / 2) / f64::from(*weights)) as u8;
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::operation::kernels::models::{Plain, follows_plainly};

    pub(in crate::operation::kernels) fn model(
        plain: &Plain,
        place: [i64; 2],
        channel: usize,
        d: i64,
        sigmas: [f64; 2],
    ) -> i64 {
        let radius = d / 2;
        let q12 = |square: i64, sigma: f64| {
            (4096.0 * (-(square as f64) / (2.0 * sigma * sigma)).exp()).round_ties_even() as i64
        };
        let center: Vec<i64> = (0..plain.colors).map(|c| plain.at(place[0], place[1], c, Border::Reflect101)).collect();
        let (mut weights, mut sum) = (0, 0);
        for (down, right) in (-radius..=radius).flat_map(|down| (-radius..=radius).map(move |right| (down, right))) {
            let distance = down * down + right * right;
            if distance > radius * radius {
                continue;
            }
            let at = |c| plain.at(place[0] + right, place[1] + down, c, Border::Reflect101);
            let difference: i64 = center.iter().enumerate().map(|(c, v)| (v - at(c)).abs()).sum();
            let weight = (q12(distance, sigmas[1]) * q12(difference * difference, sigmas[0]) + 2048) >> 12;
            weights += weight;
            sum += weight * at(channel);
        }
        (sum + weights / 2) / weights
    }

    #[test]
    fn every_processor_follows_the_definition() {
        for (cpu, d, sigmas) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, 5, [75.0, 75.0]), (cpu, 1, [0.1, 0.1])]) {
            let kernel = Bilateral::new(cpu, d, sigmas[0], sigmas[1]);
            follows_plainly(&kernel, |plain, place, channel| model(plain, place, channel, d as i64, sigmas));
        }
    }
}
