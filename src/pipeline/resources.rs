//! How much of the machine one job may take, and the bands that follow from it.

use crate::operation::Chain;
use crate::picture::PictureInfo;

/// Fewest rows of a band: enough to share a halo, few enough for the cache.
const BAND_ROWS: u32 = 64;
/// Rows of a band for each row of halo, where memory allows: then few rows are computed twice.
const ROWS_PER_HALO: u32 = 4;
/// Memory for bands if nothing else is said, in bytes.
const MEMORY: u64 = 256 << 20;

/// How much of the machine a job may take.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    pub(super) threads: usize,
    memory: u64,
    band_rows: Option<u32>,
}

/// The bands of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Rows of a band, without halo.
    pub(super) band_rows: u32,
    /// Bands that may be held at once.
    pub(super) bands: usize,
}

impl Default for Resources {
    /// All processors that this process may use.
    fn default() -> Self {
        Self::threads(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

impl Resources {
    /// Takes at most `threads` threads (at least 1) for reading, computing and writing together.
    pub fn threads(threads: usize) -> Self {
        Self { threads: threads.max(1), memory: MEMORY, band_rows: None }
    }

    /// Keeps bands within `bytes` of memory.
    #[must_use]
    pub fn within(self, bytes: u64) -> Self {
        Self { memory: bytes, ..self }
    }

    /// What running `chain` on a picture of `input` takes beside decoder and encoder: the bands that are held, and each once
    /// more for what a chain keeps between two steps. More than what was given where not even the smallest band fits.
    pub fn needs(self, chain: &Chain, input: PictureInfo) -> u64 {
        let Room { band_rows, bands } = self.room(chain, input);
        let rows = (u64::from(band_rows) + 2 * u64::from(chain.halo())).min(u64::from(input.size.height));
        rows.saturating_mul(row_bytes(chain, input)).saturating_mul(bands as u64).saturating_mul(2)
    }

    /// Works in bands of `rows` rows, whatever the chain.
    #[must_use]
    pub fn with_band_rows(self, rows: u32) -> Self {
        Self { band_rows: Some(rows.max(1)), ..self }
    }

    /// Rows of a band and how many bands are held, for `chain` on a picture of `input`.
    pub(super) fn room(self, chain: &Chain, input: PictureInfo) -> Room {
        let halo = u64::from(chain.halo());
        let row = row_bytes(chain, input);
        let bytes = |rows: u64| (rows + 2 * halo) * row;
        // One for each thread, one that was read ahead, one that waits for an earlier one.
        let wanted = self.threads as u64 + 2 * u64::from(self.threads > 1);
        let rows = self.band_rows.map_or_else(
            || {
                let fits = (self.memory / (wanted * row)).saturating_sub(2 * halo);
                let shared = u64::from(input.size.height).div_ceil(self.threads as u64);
                (u64::from(ROWS_PER_HALO) * halo).min(fits).min(shared).max(u64::from(BAND_ROWS))
            },
            u64::from,
        );
        let bands = (self.memory / bytes(rows).max(1)).clamp(1, wanted);
        Room { band_rows: u32::try_from(rows).unwrap_or(u32::MAX), bands: bands as usize }
    }
}

/// Bytes of a row while a step reads it from one buffer and writes it to another.
fn row_bytes(chain: &Chain, input: PictureInfo) -> u64 {
    let formats = chain.formats(input.format).unwrap_or_default();
    let widest = formats.iter().map(|format| format.bytes_per_pixel()).max().unwrap_or(0);
    let pixel = input.format.bytes_per_pixel() + widest.max(input.format.bytes_per_pixel());
    u64::from(input.size.width).max(1) * pixel as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Depth, Layout, PixelFormat, Size};

    fn room(steps: &[&str], threads: usize, width: u32, height: u32) -> Room {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width, height }, format };
        Resources::threads(threads).room(&Chain::parse(steps, 9).unwrap(), info)
    }

    #[test]
    fn bands_grow_with_the_halo_as_far_as_memory_allows() {
        assert_eq!(room(&["grayscale"], 1, 4096, 4096), Room { band_rows: 64, bands: 1 });
        assert_eq!(room(&["gaussian_blur:ksize=99"], 1, 4096, 4096), Room { band_rows: 196, bands: 1 });
        assert_eq!(room(&["gaussian_blur:ksize=99"; 4], 2, 3000, 3000), Room { band_rows: 784, bands: 4 });
        // No more than each thread's share of a low picture.
        assert_eq!(room(&["gaussian_blur:ksize=99"; 4], 4, 3000, 1000), Room { band_rows: 250, bands: 6 });
        // A row of this one has 786,432 bytes in and out: 85 rows each for four bands.
        assert_eq!(room(&["gaussian_blur:ksize=99"], 2, 131_072, 80_000), Room { band_rows: 64, bands: 2 });
    }
}
