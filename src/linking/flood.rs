//! Pixels of one kind becoming another as far as they are joined.

/// Pixels that are looked at together for one to begin at.
const BLOCK: usize = 64;

/// Pixels in rows, of which only the first byte of each is looked at.
#[derive(Debug)]
pub(crate) struct Plane<'a> {
    samples: &'a mut [u8],
    width: usize,
    height: usize,
    step: usize,
    /// Pixels whose neighbours have not been looked at.
    waiting: Vec<(u32, u32)>,
}

impl<'a> Plane<'a> {
    /// Takes whole rows of `width` pixels of `step` bytes each.
    pub(crate) fn new(samples: &'a mut [u8], width: usize, step: usize) -> Self {
        let height = samples.len() / (width * step).max(1);
        Self { samples, width, height, step, waiting: Vec::new() }
    }

    /// Rows.
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// A pixel.
    #[inline]
    pub(crate) fn at(&self, x: usize, y: usize) -> u8 {
        self.samples[(y * self.width + x) * self.step]
    }

    /// Begins at a pixel, which becomes `to`.
    #[inline]
    pub(crate) fn begin(&mut self, x: usize, y: usize, to: u8) {
        self.samples[(y * self.width + x) * self.step] = to;
        self.waiting.push((x as u32, y as u32));
    }

    /// Begins at all pixels of a kind.
    pub(crate) fn begin_at_all(&mut self, kind: u8) {
        for y in 0..self.height {
            let row = &self.samples[y * self.width * self.step..][..self.width * self.step];
            for (block, pixels) in row.chunks(BLOCK * self.step).enumerate() {
                // Most blocks have none: many bytes are compared at once.
                if pixels.iter().fold(false, |any, value| any | (*value == kind)) {
                    let found = pixels.iter().step_by(self.step).enumerate().filter(|(_, value)| **value == kind);
                    self.waiting.extend(found.map(|(x, _)| ((block * BLOCK + x) as u32, y as u32)));
                }
            }
        }
    }

    /// Makes all pixels of kind `from` that are joined to where it was begun `to`.
    pub(crate) fn spread(&mut self, from: u8, to: u8) {
        while let Some((x, y)) = self.waiting.pop() {
            let (x, y) = (x as usize, y as usize);
            if self.step == 1 && x > 0 && x + 1 < self.width && y > 0 && y + 1 < self.height {
                self.spread_inside((x, y), from, to);
                continue;
            }
            for y in y.saturating_sub(1)..(y + 2).min(self.height) {
                for x in x.saturating_sub(1)..(x + 2).min(self.width) {
                    if self.at(x, y) == from {
                        self.begin(x, y, to);
                    }
                }
            }
        }
    }

    /// The same for one pixel that has all eight neighbours, in pixels of one byte.
    #[inline]
    fn spread_inside(&mut self, (x, y): (usize, usize), from: u8, to: u8) {
        for y in [y - 1, y, y + 1] {
            let three = &mut self.samples[y * self.width + x - 1..][..3];
            for (right, pixel) in three.iter_mut().enumerate() {
                if *pixel == from {
                    *pixel = to;
                    self.waiting.push(((x + right - 1) as u32, y as u32));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_changes_corners_too() {
        let mut samples = [2, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0];
        let mut plane = Plane::new(&mut samples, 4, 1);
        plane.begin_at_all(2);
        plane.spread(1, 2);
        assert_eq!(samples, [2, 0, 1, 0, 2, 0, 0, 0, 2, 2, 2, 0]);
        let mut samples = [2, 1, 1, 1, 0, 1, 1, 1];
        let mut plane = Plane::new(&mut samples, 2, 2);
        plane.begin_at_all(2);
        plane.spread(1, 2);
        assert_eq!(samples, [2, 1, 2, 1, 0, 1, 2, 1]);
    }
}
