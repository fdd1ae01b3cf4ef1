//! Chooses tiles: as large as a record and the memory for a band allow, and cuts chains that are too wide.
//!
//! Decides from sizes, formats and halos alone; never looks at pixels.

use super::{Plan, Stage};
use crate::operation::{Chain, Step, StepError};
use crate::picture::{PictureInfo, PixelFormat, Size};

/// Sides of tiles are multiples of this.
const SIDE_STEP: u32 = 16;
/// A chain is cut rather than made to run on tiles with a side below this.
const SMALLEST_SIDE: u32 = 64;
/// Room in a record for its key, headers and framing, in bytes.
const HEADROOM_BYTES: usize = 16 * 1024;

/// What a plan must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLimits {
    /// The largest side of a tile in pixels (512).
    pub tile_size: u32,
    /// The largest record in bytes (1,000,000).
    pub max_record_bytes: usize,
    /// Memory for the band that tiles are cut from, in bytes.
    pub band_bytes: u64,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self { tile_size: 512, max_record_bytes: 1_000_000, band_bytes: 96 << 20 }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// A step does not take the picture.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The picture has no pixels.
    #[error("the picture has no pixels")]
    Empty,
    /// Even the smallest tile of one step does not fit.
    #[error(
        "{step}: a tile with its {halo} pixels of halo does not fit max_record_bytes {max_record_bytes} and the memory for a band"
    )]
    TooWide {
        /// The step.
        step: String,
        /// Its halo.
        halo: u32,
        /// The limit.
        max_record_bytes: usize,
    },
}

pub(super) fn make(input: PictureInfo, chain: &Chain, limits: &PlanLimits) -> Result<Plan, PlanError> {
    if input.size.pixels() == 0 {
        return Err(PlanError::Empty);
    }
    let mut stages = Vec::new();
    let mut rest = chain.steps();
    let mut info = input;
    loop {
        let (stage, taken) = longest_stage(info, rest, limits)?;
        info = stage.output;
        stages.push(stage);
        rest = &rest[taken..];
        if rest.is_empty() {
            return Ok(Plan { input, output: info, stages });
        }
    }
}

/// The longest run of steps that one stage can take, and how many steps that is.
fn longest_stage(input: PictureInfo, steps: &[Step], limits: &PlanLimits) -> Result<(Stage, usize), PlanError> {
    let formats = Chain::new(steps.to_vec()).formats(input.format)?;
    for taken in (1..=steps.len()).rev() {
        let chain = Chain::new(steps[..taken].to_vec());
        let smallest = if taken == 1 { SIDE_STEP } else { SMALLEST_SIDE.max(chain.halo()) };
        if let Some(stage) = fit(input, chain, &formats[..taken], smallest, limits) {
            return Ok((stage, taken));
        }
    }
    if steps.is_empty() {
        let smallest = SIDE_STEP;
        return fit(input, Chain::new(Vec::new()), &[], smallest, limits)
            .map(|stage| (stage, 0))
            .ok_or_else(|| too_wide("copying", 0, limits));
    }
    Err(too_wide(&steps[0].to_string(), steps[0].halo(), limits))
}

fn too_wide(step: &str, halo: u32, limits: &PlanLimits) -> PlanError {
    PlanError::TooWide { step: step.to_owned(), halo, max_record_bytes: limits.max_record_bytes }
}

/// The largest tile on which `chain` fits; `None` if a side would have to fall below `smallest`.
fn fit(input: PictureInfo, chain: Chain, formats: &[PixelFormat], smallest: u32, limits: &PlanLimits) -> Option<Stage> {
    let halo = chain.halo();
    let room = limits.max_record_bytes.saturating_sub(HEADROOM_BYTES) as u64;
    let widest = formats.iter().map(|format| format.bytes_per_pixel()).max().unwrap_or(0);
    let fits = |tile: Size| {
        let whole = |side: u32, picture: u32| u64::from(side.min(picture).saturating_add(2 * halo).min(picture));
        let taken = whole(tile.width, input.size.width) * whole(tile.height, input.size.height);
        let made = u64::from(tile.width.min(input.size.width)) * u64::from(tile.height.min(input.size.height));
        let band = whole(tile.height, input.size.height) * input.row_bytes() as u64;
        taken * input.format.bytes_per_pixel() as u64 <= room
            && made * widest as u64 <= room
            && band <= limits.band_bytes
    };
    let largest = (limits.tile_size / SIDE_STEP * SIDE_STEP).max(SIDE_STEP);
    let mut tile = Size { width: largest, height: largest };
    while !fits(tile) {
        // A side that the picture cuts off anyway gains nothing by shrinking, so the longer one in use goes first.
        let (across, down) = (tile.width.min(input.size.width), tile.height.min(input.size.height));
        let band_is_high = Size { width: smallest.next_multiple_of(SIDE_STEP), ..tile };
        if down >= across || !fits(band_is_high) && tile.height > smallest {
            tile.height = shrink(tile.height, smallest)?;
        } else {
            tile.width = shrink(tile.width, smallest)?;
        }
    }
    let format = formats.last().copied().unwrap_or(input.format);
    let output = PictureInfo { size: input.size, format };
    Some(Stage { steps: chain, halo, input, output, tile_width: tile.width, tile_height: tile.height })
}

fn shrink(side: u32, smallest: u32) -> Option<u32> {
    side.checked_sub(SIDE_STEP).filter(|side| *side >= smallest.max(SIDE_STEP))
}
