//! What a worker sets aside for pictures that it runs whole, and what one takes: known to those who ask for that, too.

use super::Resources;
use crate::operation::Chain;
use crate::picture::PictureInfo;

/// Pictures that are run whole have this part of a worker's memory budget, and the bands of one this part of that.
const PART_OF_BUDGET: u64 = 6;
const BANDS_PART: u64 = 4;
/// What decoder and encoder hold beside rows, and the rows of the picture that each holds.
const CODEC_BYTES: u64 = 2 << 20;
const CODEC_ROWS: u64 = 64;

/// Memory for pictures that a worker runs whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeBudget(u64);

impl WholeBudget {
    /// That of a worker with a memory budget of `bytes`.
    pub fn of(bytes: u64) -> Self {
        Self(bytes / PART_OF_BUDGET)
    }

    /// The same as a number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// One thread, and bands of one picture, so that several fit.
    pub fn resources(self) -> Resources {
        Resources::threads(1).within(self.0 / BANDS_PART)
    }

    /// What running `chain` on a picture of `input` takes, decoder and encoder included, which hold whole pictures of
    /// `held` bytes.
    pub fn needs(self, chain: &Chain, input: PictureInfo, held: u64) -> u64 {
        let rows = CODEC_ROWS.saturating_mul(input.row_bytes() as u64).saturating_mul(2);
        self.resources().needs(chain, input).saturating_add(rows).saturating_add(CODEC_BYTES).saturating_add(held)
    }

    /// Whether that fits.
    pub fn fits(self, chain: &Chain, input: PictureInfo, held: u64) -> bool {
        self.needs(chain, input, held) <= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Depth, Layout, PixelFormat, Size};

    fn fits(steps: &[&str], width: u32, height: u32, depth: Depth, held: u64) -> bool {
        let info = PictureInfo { size: Size { width, height }, format: PixelFormat { layout: Layout::Rgb, depth } };
        WholeBudget::of(192 << 20).fits(&Chain::parse(steps, 9).unwrap(), info, held)
    }

    #[test]
    fn what_streams_in_narrow_bands_fits_and_what_does_not_is_known_before() {
        assert!(fits(&["gaussian_blur:ksize=51"], 4096, 4096, Depth::Eight, 0));
        assert!(fits(&["grayscale"], 16_000, 100_000, Depth::Eight, 0), "height costs nothing");
        assert!(!fits(&["gaussian_blur:ksize=99"; 4], 60_000, 1000, Depth::Sixteen, 0), "a band of it is too large");
        assert!(!fits(&["grayscale"], 4096, 4096, Depth::Eight, 32 << 20), "its decoder holds it whole");
    }
}
