//! The last pass: maps become the rows of the result.

use std::io::{Read, Seek, Write};

use super::runs::runs;
use super::spill::Spill;
use super::{LinkError, Plane, STRONG, Shape, WEAK};

/// Black and white of the result.
const WHITE: u8 = 255;
const BLACK: u8 = 0;

/// Takes the strips again that the [`Linker`](super::Linker) was given, from the top to the bottom.
#[derive(Debug)]
pub struct Settler<S> {
    shape: Shape,
    spill: Spill<S>,
    /// The next part.
    part: usize,
    /// The last row of the result so far; empty at the top.
    above: Vec<u8>,
}

impl<S: Read + Write + Seek> Settler<S> {
    pub(super) fn new(shape: Shape, spill: Spill<S>) -> Self {
        Self { shape, spill, part: 0, above: Vec::new() }
    }

    /// Turns the next strip of maps into rows of the result: 255 or 0 for each pixel, alpha as it was.
    ///
    /// # Errors
    /// If the strip is not as long as the one that was added, or the spill cannot be read or is damaged.
    pub fn settle(&mut self, strip: &mut [u8]) -> Result<(), LinkError> {
        self.shape.check(strip)?;
        for part in strip.chunks_mut(self.shape.part_bytes()) {
            self.settle_part(part)?;
        }
        Ok(())
    }

    fn settle_part(&mut self, part: &mut [u8]) -> Result<(), LinkError> {
        let Shape { width, step } = self.shape;
        let note = self.spill.read(self.part)?;
        if note.rows as usize != part.len() / self.shape.row_bytes() {
            return Err(LinkError::Strips);
        }
        let bottom = runs(&part[part.len() - self.shape.row_bytes()..], step);
        if bottom.len() != note.runs.len() {
            return Err(LinkError::Strips);
        }
        let mut plane = Plane::new(part, width, step);
        plane.begin_at_all(STRONG);
        self.begin_above(&mut plane);
        let last = plane.height() - 1;
        let white = bottom.iter().zip(&note.runs).filter(|(_, white)| **white == 1);
        for x in white.flat_map(|(run, _)| run.start..run.end) {
            if plane.at(x, last) == WEAK {
                plane.begin(x, last, STRONG);
            }
        }
        plane.spread(WEAK, STRONG);
        let pixels = part.iter_mut().step_by(step);
        pixels.for_each(|pixel| *pixel = if *pixel == STRONG { WHITE } else { BLACK });
        self.above.clear();
        self.above.extend(part[part.len() - self.shape.row_bytes()..].iter().step_by(step));
        self.part += 1;
        Ok(())
    }

    /// Begins below the white pixels of the row above.
    fn begin_above(&self, plane: &mut Plane<'_>) {
        let white = self.above.iter().enumerate().filter(|(_, value)| **value == WHITE);
        for (x, _) in white {
            for x in x.saturating_sub(1)..(x + 2).min(self.shape.width) {
                if plane.at(x, 0) == WEAK {
                    plane.begin(x, 0, STRONG);
                }
            }
        }
    }
}
