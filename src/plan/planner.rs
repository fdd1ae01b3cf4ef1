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
    let fitting = Fitting { input, halo, widest: widest_pixel(formats), limits };
    let largest = (limits.tile_size / SIDE_STEP * SIDE_STEP).max(SIDE_STEP);
    let smallest = smallest.next_multiple_of(SIDE_STEP).min(largest);
    let sides = || (smallest..=largest).step_by(SIDE_STEP as usize);
    let tile = sides()
        .flat_map(|height| sides().map(move |width| Size { width, height }))
        .filter(|tile| fitting.fits(*tile))
        .max_by_key(|tile| (fitting.used(*tile).pixels(), tile.width.min(tile.height), tile.width))?;
    let format = formats.last().copied().unwrap_or(input.format);
    let output = PictureInfo { size: chain.turn().size(input.size), format };
    Some(Stage { steps: chain, halo, input, output, tile_width: tile.width, tile_height: tile.height })
}

fn widest_pixel(formats: &[PixelFormat]) -> usize {
    formats.iter().map(|format| format.bytes_per_pixel()).max().unwrap_or(0)
}

/// What a tile of some size has to fit into.
struct Fitting<'a> {
    input: PictureInfo,
    halo: u32,
    /// Bytes of the largest pixel that the chain makes.
    widest: usize,
    limits: &'a PlanLimits,
}

impl Fitting<'_> {
    /// What of a tile the picture can fill.
    fn used(&self, tile: Size) -> Size {
        let picture = self.input.size;
        Size { width: tile.width.min(picture.width), height: tile.height.min(picture.height) }
    }

    fn fits(&self, tile: Size) -> bool {
        let picture = self.input.size;
        let used = self.used(tile);
        let taken = Size {
            width: used.width.saturating_add(2 * self.halo).min(picture.width),
            height: used.height.saturating_add(2 * self.halo).min(picture.height),
        };
        let room = self.limits.max_record_bytes.saturating_sub(HEADROOM_BYTES) as u64;
        let band = u64::from(taken.height) * self.input.row_bytes() as u64;
        taken.pixels() * self.input.format.bytes_per_pixel() as u64 <= room
            && used.pixels() * self.widest as u64 <= room
            && band <= self.limits.band_bytes
    }
}

#[cfg(test)]
mod tests;
