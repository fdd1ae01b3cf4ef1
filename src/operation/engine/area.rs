//! What one kernel works on: pixels, and which of them are asked for.

use crate::operation::error::StepError;
use crate::picture::{Pixels, Rect, Samples, Size};

/// An array of pixels of which a part is to be computed; the rest is there for the kernel's halo.
///
/// # Invariants
/// `keep` lies inside the array and is not empty. Where it comes closer to the array's edge than the
/// kernel's halo, that edge is the picture's, and the border rule applies.
#[derive(Clone, Debug)]
pub struct Area {
    pixels: Pixels,
    keep: Rect,
    origin: (u32, u32),
    picture: Size,
}

impl Area {
    /// Asks for `keep`, in the coordinates of `pixels`, which are a whole picture; `None` if it is empty or
    /// not inside.
    pub fn new(pixels: Pixels, keep: Rect) -> Option<Self> {
        let size = pixels.size();
        let right = u64::from(keep.x) + u64::from(keep.width);
        let bottom = u64::from(keep.y) + u64::from(keep.height);
        let inside = right <= u64::from(size.width) && bottom <= u64::from(size.height);
        (inside && keep.size().pixels() > 0).then_some(Self { pixels, keep, origin: (0, 0), picture: size })
    }

    /// Says that the pixels are a part of a picture of size `picture`, whose column and row `origin` are their first.
    pub fn placed(self, origin: (u32, u32), picture: Size) -> Self {
        Self { origin, picture, ..self }
    }

    /// Column and row of the first pixel of the array in the picture, as that is at this point of the chain.
    pub fn origin(&self) -> (u32, u32) {
        self.origin
    }

    /// The size of the whole picture at this point of the chain.
    pub fn picture(&self) -> Size {
        self.picture
    }

    /// All pixels of the array.
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// All pixels of the array, given away.
    pub fn into_pixels(self) -> Pixels {
        self.pixels
    }

    /// The part asked for.
    pub fn keep(&self) -> Rect {
        self.keep
    }

    /// Its size.
    pub fn output_size(&self) -> Size {
        self.keep.size()
    }

    /// Asks for the same part of what `change` makes of the pixels.
    ///
    /// # Errors
    /// Those of `change`, or if it gives pixels of another size.
    pub(crate) fn try_map(self, change: impl FnOnce(Pixels) -> Result<Pixels, StepError>) -> Result<Self, StepError> {
        let size = self.pixels.size();
        let (keep, origin, picture) = (self.keep, self.origin, self.picture);
        let pixels = change(self.pixels)?;
        if pixels.size() == size {
            return Ok(Self { pixels, keep, origin, picture });
        }
        Err(StepError::Tile("a step gave pixels of another size".to_owned()))
    }

    /// The part asked for, as it is: where kernels without halo begin. Moves the pixels if they are all asked for.
    pub fn cropped(self) -> Pixels {
        let mut info = self.pixels.info();
        if self.keep.size() == info.size {
            return self.pixels;
        }
        let channels = info.format.layout.channels();
        let line = info.size.width as usize * channels;
        let samples = match self.pixels.samples() {
            Samples::Eight(samples) => Samples::Eight(crop(samples, line, self.keep, channels)),
            Samples::Sixteen(samples) => Samples::Sixteen(crop(samples, line, self.keep, channels)),
        };
        info.size = self.keep.size();
        // The crop of an area inside the array has the size it says; were it not so, all pixels are returned.
        Pixels::new(info, samples).unwrap_or(self.pixels)
    }
}

fn crop<T: Copy>(samples: &[T], line: usize, keep: Rect, channels: usize) -> Vec<T> {
    let columns = keep.x as usize * channels..keep.right() as usize * channels;
    let mut out = Vec::with_capacity(columns.len() * keep.height as usize);
    let rows = samples.chunks_exact(line).skip(keep.y as usize).take(keep.height as usize);
    rows.for_each(|row| out.extend_from_slice(&row[columns.clone()]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Depth, Layout, PictureInfo, PixelFormat};

    #[test]
    fn a_crop_is_the_part_asked_for() {
        let format = PixelFormat { layout: Layout::GrayAlpha, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width: 3, height: 3 }, format };
        let pixels = Pixels::from_bytes(info, (0..18).collect()).unwrap();
        let area = Area::new(pixels.clone(), Rect { x: 1, y: 1, width: 2, height: 1 }).unwrap();
        assert_eq!(area.cropped().into_bytes(), [8, 9, 10, 11]);
        for outside in [(2, 0, 2, 1), (0, 3, 1, 1), (0, 0, 0, 1), (1, u32::MAX, 1, 2)] {
            let (x, y, width, height) = outside;
            assert!(Area::new(pixels.clone(), Rect { x, y, width, height }).is_none(), "{outside:?}");
        }
    }
}
