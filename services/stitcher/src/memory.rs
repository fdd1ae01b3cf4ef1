//! How a stitcher divides its memory budget.
//!
//! Owns the division: client queues, tiles that are kept in memory, the buffers of encoder threads, and what
//! open encodings hold. Of the last, half is kept for complete stages: one that still waits for tiles may hold
//! its share for long, and no other job is to wait for that.

use tessera::budget::{Budget, Share, TooSmall};
use tessera::bus::{ConsumerOptions, Producer};
use tessera::linking::PART_PIXELS;
use tessera::picture::Turn;
use tessera::plan::{Makes, Stage};
use tessera::pyramid::Shape;

use crate::Config;
use crate::encoding::product::Product;

/// What an open encoding holds beside rows: parts on their way to the store, and the format's buffers.
const ENCODING_BYTES: u64 = 2 << 20;
/// Rows that a writer of rows holds at most: two blocks of JPEG.
const ENCODING_ROWS: u64 = 32;
/// What linking holds for each pixel of a part.
const LINKED_PIXEL_BYTES: u64 = 12;
/// The smallest buffer that a strip is put together in.
const LEAST_STRIP_BYTES: u64 = 1 << 20;

/// A stitcher's memory, divided.
#[derive(Debug)]
pub struct StitcherMemory {
    /// For encodings of stages that still wait for tiles.
    pub early: Budget,
    /// For encodings of complete stages.
    pub complete: Budget,
    /// For results that are encoded whole, as WebP is.
    pub wholes: Budget,
    /// Pixels of stages of one tile that are kept in memory; above it they go to the disk.
    pub tiles: Share,
    /// What each encoder puts strips together in, in bytes.
    pub strip_bytes: usize,
    /// What making a result's pyramid may hold; `None` if none are made.
    pub pyramid_bytes: Option<u64>,
    _fixed: [Share; 2],
}

impl StitcherMemory {
    /// Divides the budget of `config`; gives the producer's share apart.
    ///
    /// # Errors
    /// [`TooSmall`], which names what there is no room for.
    pub fn divide(config: &Config, results: &ConsumerOptions) -> Result<(Self, Share), TooSmall> {
        let whole = Budget::new(config.limits.memory_budget);
        let results = whole.set_aside(results.memory_bytes(&config.kafka), "the consumer of results")?;
        let producer = whole.set_aside(Producer::least_bytes(&config.kafka), "the producer of commands")?;
        let encoders = config.encoders as u64;
        let tile_bytes = config.kafka.max_record_bytes as u64;
        let strip_bytes = (whole.total() / 6 / encoders).max(LEAST_STRIP_BYTES);
        let buffers = whole.set_aside((strip_bytes + tile_bytes) * encoders, "the buffers of encoders")?;
        // Many encoders leave less: tiles that find no room in memory go to the disk.
        let tiles = (whole.total() / 6).min(whole.free() / 3);
        let tiles = whole.set_aside(tiles, "tiles that are kept in memory")?;
        let half = (whole.free() / 2).max(ENCODING_BYTES);
        let early = whole.part(half, "encodings of stages that wait for tiles")?;
        // What is left, and not half again: halves are rounded up to the budget's units.
        let complete = whole.part(whole.free().max(ENCODING_BYTES), "encodings of complete stages")?;
        let strip_bytes = usize::try_from(strip_bytes).unwrap_or(usize::MAX);
        let wholes = Budget::new(config.limits.max_decode_bytes);
        let pyramid_bytes = config.previews.bytes(config.limits.memory_budget);
        let _fixed = [results, buffers];
        Ok((Self { early, complete, wholes, tiles, strip_bytes, pyramid_bytes, _fixed }, producer))
    }

    /// Memory for an encoding of `stage` to what is stored of it; `None` while there is none. What is encoded
    /// whole waits for its last tile.
    pub fn encoding(&self, stage: &Stage, product: Option<&Product>, is_complete: bool) -> Option<Share> {
        let pyramid = match (self.pyramid_bytes, product) {
            (Some(most), Some(Product::Result { .. })) => {
                Shape::of(stage.output, Turn::None, most).held_bytes(stage.output, Turn::None)
            }
            _ => 0,
        };
        if let Some(bytes) = product.and_then(|product| product.whole_bytes(stage.output)) {
            return is_complete
                .then(|| self.wholes.try_reserve(bytes.saturating_add(pyramid).min(self.wholes.total())))
                .flatten();
        }
        let row_bytes = stage.output.row_bytes() as u64;
        let rows = ENCODING_ROWS.min(stage.output.size.height.into());
        let held = match stage.statistic_words() {
            // The total, the one before a strip, and a tile's words.
            Some(_) => (stage.largest_result_bytes() as u64).saturating_mul(3),
            None => rows.saturating_mul(row_bytes),
        };
        let linked = match stage.makes {
            Makes::Map => LINKED_PIXEL_BYTES * (PART_PIXELS as u64).max(stage.output.size.width.into()),
            Makes::Pixels | Makes::Statistic | Makes::Result => 0,
        };
        let bytes = ENCODING_BYTES.saturating_add(held).saturating_add(linked).saturating_add(pyramid);
        let early = self.early.try_reserve(bytes);
        if is_complete { early.or_else(|| self.complete.try_reserve(bytes)) } else { early }
    }
}

/// Bytes of results in hand at once.
pub fn in_flight_bytes(memory_budget: u64) -> usize {
    usize::try_from(memory_budget / 8).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tessera::operation::Chain;
    use tessera::picture::codec::ResultFormat;
    use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

    use super::*;
    use crate::actors::result_feed;

    const PNG: Product = Product::Result { format: ResultFormat::Png };

    fn memory(flags: &[&str]) -> Result<(StitcherMemory, Share), TooSmall> {
        let config = Config::try_parse_from(["x"].iter().chain(flags)).unwrap();
        StitcherMemory::divide(&config, &result_feed::options("x", config.limits.memory_budget))
    }

    fn stage(width: u32) -> Stage {
        let format = PixelFormat { layout: Layout::Rgba, depth: Depth::Sixteen };
        let info = PictureInfo { size: Size { width, height: 100 }, format };
        let (steps, makes) = (Chain::new(Vec::new()), Makes::Pixels);
        Stage { steps, halo: 0, input: info, output: info, tile_width: 16, tile_height: 16, makes }
    }

    #[test]
    fn a_complete_stage_is_encoded_whatever_waits_for_tiles() {
        let (memory, _producer) = memory(&[]).unwrap();
        let wide = stage(100_000);
        let waiting: Vec<Share> = std::iter::from_fn(|| memory.encoding(&wide, Some(&PNG), false)).collect();
        assert!(!waiting.is_empty());
        let complete = memory.encoding(&wide, Some(&PNG), true);
        assert!(complete.is_some() && memory.encoding(&wide, Some(&PNG), false).is_none());
        drop(waiting);
        assert_eq!(memory.early.free(), memory.early.total());
    }

    #[test]
    fn whole_results_wait_for_each_other_and_for_their_tiles() {
        let (memory, _producer) = memory(&["--max-decode-bytes", "1000000"]).unwrap();
        let webp = Product::Result { format: ResultFormat::Webp };
        assert!(memory.encoding(&stage(300), Some(&webp), false).is_none());
        let first = memory.encoding(&stage(300), Some(&webp), true);
        assert!(first.is_some() && memory.encoding(&stage(1000), Some(&webp), true).is_none());
        drop(first);
        assert!(memory.encoding(&stage(1000), Some(&webp), true).is_some());
    }

    #[test]
    fn small_budgets_are_divided_and_too_small_ones_are_refused_by_name() {
        assert!(memory(&["--memory-budget", "33554432"]).is_ok());
        assert!(memory(&["--encoders", "64"]).is_ok());
        let error = memory(&["--memory-budget", "4194304"]).unwrap_err().to_string();
        assert!(error.contains("the producer of commands"), "{error}");
    }
}
