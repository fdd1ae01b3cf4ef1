//! `dilate`, `erode`, `open`, `close` and `gradient`: the largest and smallest samples of a square.

mod extremum;

use extremum::{Extremum, Most};

use super::Bound;
use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::{Alpha, Surroundings, filtered};
use crate::operation::engine::sample::Sample;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Layout, Pixels, Rect, Samples};

const DEPTHS: &[Depth] = &[Depth::Eight, Depth::Sixteen];
const SIDE: &[Parameter] = &[Parameter::odd("ksize", 3, 255, "side of the square in pixels")];
const SIDE_OF_BOTH: &[Parameter] = &[Parameter::odd("ksize", 3, 127, "side of both squares in pixels")];

/// The largest colour of a square of `ksize`²; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; `ksize / 2` pixels of halo. Pixels outside the picture do not
/// take part, which is the same as repeating the edge: its samples are in the square anyway.
///
/// # Source
/// OpenCV's `dilate`, bit for bit. `imageproc`'s morphology knows one channel of 8 bit only.
pub(crate) const DILATE: Definition = Definition {
    name: "dilate",
    help: "lets light parts grow",
    kind: Kind::Local,
    halo: Halo::Half("ksize"),
    depths: DEPTHS,
    parameters: SIDE,
    bind: |values| bind(values, |side| Box::new(Grown { most: Most::Largest, side, cpu: Cpu::detect() })),
};

/// The smallest colour of a square of `ksize`²; alpha stays. Shape and source as [`DILATE`].
pub(crate) const ERODE: Definition = Definition {
    name: "erode",
    help: "lets dark parts grow",
    bind: |values| bind(values, |side| Box::new(Grown { most: Most::Smallest, side, cpu: Cpu::detect() })),
    ..DILATE
};

/// [`ERODE`], then [`DILATE`].
///
/// # Shape
/// As those, with twice the halo.
///
/// # Source
/// OpenCV's `morphologyEx`, bit for bit.
pub(crate) const OPEN: Definition = Definition {
    name: "open",
    help: "removes small light parts",
    kind: Kind::Local,
    halo: Halo::TwiceHalf("ksize"),
    depths: DEPTHS,
    parameters: SIDE_OF_BOTH,
    bind: |values| bind(values, |side| Box::new(Both { first: Most::Smallest, side, cpu: Cpu::detect() })),
};

/// [`DILATE`], then [`ERODE`]. Shape and source as [`OPEN`].
pub(crate) const CLOSE: Definition = Definition {
    name: "close",
    help: "removes small dark parts",
    bind: |values| bind(values, |side| Box::new(Both { first: Most::Largest, side, cpu: Cpu::detect() })),
    ..OPEN
};

/// The largest less the smallest colour of a square of `ksize`². Shape and source as [`DILATE`].
pub(crate) const GRADIENT: Definition = Definition {
    name: "gradient",
    help: "outlines, the lighter the stronger",
    bind: |values| bind(values, |side| Box::new(Gradient { side, cpu: Cpu::detect() })),
    ..DILATE
};

fn bind(values: &[Value], kernel: fn(usize) -> Box<dyn Kernel>) -> Bound {
    match values {
        [Value::Integer(ksize)] => Ok(kernel(*ksize as usize)),
        _ => Err(StepError::Grammar("morphology: needs ksize".to_owned())),
    }
}

fn around(cpu: Cpu, side: usize) -> Surroundings {
    Surroundings { cpu, radius: side / 2, border: Border::Replicate, alpha: Alpha::Kept }
}

#[derive(Debug)]
struct Grown {
    most: Most,
    side: usize,
    cpu: Cpu,
}

impl Kernel for Grown {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        filtered(&area, around(self.cpu, self.side), Extremum { most: self.most, side: self.side, cpu: self.cpu })
    }
}

#[derive(Debug)]
struct Both {
    first: Most,
    side: usize,
    cpu: Cpu,
}

impl Kernel for Both {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let (cpu, side) = (self.cpu, self.side);
        let (wider, rest) = widened(area, side as u32 / 2)?;
        let first = filtered(&wider, around(cpu, side), Extremum { most: self.first, side, cpu })?;
        let area = Area::new(first, rest).ok_or_else(misfit)?;
        filtered(&area, around(cpu, side), Extremum { most: self.first.other(), side, cpu })
    }
}

/// Asks for `radius` pixels more on each side, as far as the area has them; and says which part of that
/// was asked for before.
pub(super) fn widened(area: Area, radius: u32) -> Result<(Area, Rect), StepError> {
    let (size, keep) = (area.pixels().size(), area.keep());
    let (x, y) = (keep.x.saturating_sub(radius), keep.y.saturating_sub(radius));
    let right = keep.right().saturating_add(radius).min(size.width);
    let bottom = keep.bottom().saturating_add(radius).min(size.height);
    let wider = Area::new(area.into_pixels(), Rect { x, y, width: right - x, height: bottom - y });
    Ok((wider.ok_or_else(misfit)?, Rect { x: keep.x - x, y: keep.y - y, ..keep }))
}

fn misfit() -> StepError {
    StepError::Tile("a step gave pixels of another size".to_owned())
}

#[derive(Debug)]
struct Gradient {
    side: usize,
    cpu: Cpu,
}

impl Kernel for Gradient {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let (around, side, cpu) = (around(self.cpu, self.side), self.side, self.cpu);
        let smallest = filtered(&area, around, Extremum { most: Most::Smallest, side, cpu })?;
        let mut pixels = filtered(&area, around, Extremum { most: Most::Largest, side, cpu })?;
        let layout = pixels.format().layout;
        match (pixels.samples_mut(), smallest.samples()) {
            (SamplesMut::Eight(largest), Samples::Eight(smallest)) => subtract(largest, smallest, layout),
            (SamplesMut::Sixteen(largest), Samples::Sixteen(smallest)) => subtract(largest, smallest, layout),
            _ => return Err(misfit()),
        }
        Ok(pixels)
    }
}

/// Takes the smaller of each colour away; alpha stays.
fn subtract<T: Sample>(largest: &mut [T], smallest: &[T], layout: Layout) {
    if layout.has_alpha() {
        let channels = layout.channels();
        let pixels = largest.chunks_exact_mut(channels).zip(smallest.chunks_exact(channels));
        pixels.for_each(|(largest, smallest)| subtract_all(&mut largest[..channels - 1], smallest));
    } else {
        subtract_all(largest, smallest);
    }
}

fn subtract_all<T: Sample>(largest: &mut [T], smallest: &[T]) {
    largest.iter_mut().zip(smallest).for_each(|(largest, smallest)| *largest = T::of(largest.wide() - smallest.wide()));
}

#[cfg(test)]
mod tests;
