//! Chooses tiles: as large as a record and the memory for a band allow, and cuts chains that are too wide.
//!
//! Decides from sizes, formats and halos alone; never looks at pixels.

use super::{Makes, Plan, Stage};
use crate::operation::statistic::WORD_BYTES;
use crate::operation::{Chain, Kind, Step, StepError};
use crate::picture::{PictureInfo, PixelFormat, Size};

/// Sides of tiles are multiples of this.
const SIDE_STEP: u32 = 16;
/// A chain is cut rather than made to run on tiles with a side below this.
const SMALLEST_SIDE: u32 = 64;
/// Room in a record for its key, headers and framing, in bytes.
const HEADROOM_BYTES: usize = 16 * 1024;
/// Room in a record's headers for the numbers of one step, in bytes.
const NUMBERS_BYTES: usize = 2048;

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
    /// What a tile tells of the whole picture does not fit.
    #[error(
        "{step}: what it measures takes {bytes} bytes a tile, which does not fit max_record_bytes {max_record_bytes}"
    )]
    Statistic {
        /// The step.
        step: String,
        /// What it takes.
        bytes: usize,
        /// The limit.
        max_record_bytes: usize,
    },
}

pub(super) fn make(input: PictureInfo, chain: &Chain, limits: &PlanLimits) -> Result<Plan, PlanError> {
    if input.size.pixels() == 0 {
        return Err(PlanError::Empty);
    }
    let mut stages = Vec::new();
    // What is still to be done to the rows that were made last, and how many of its steps are measured.
    let (mut rest, mut info, mut measured) = (chain.steps(), input, 0);
    loop {
        let (run, aim) = next_run(rest, measured);
        let (stage, taken) = longest_stage(info, run, aim, limits)?;
        let (makes, output) = (stage.makes, stage.output);
        let numbered = stage.steps.steps().iter().filter(|step| step.statistic().is_some()).count();
        stages.push(stage);
        if makes == Makes::Statistic {
            measured += 1;
            continue;
        }
        (info, measured) = (output, measured - numbered);
        rest = &rest[taken..];
        if rest.is_empty() {
            return Ok(Plan { input, output: info, stages });
        }
    }
}

/// The steps up to the first that needs the whole picture, and what they make; `measured` of those with
/// numbers have theirs.
fn next_run(steps: &[Step], measured: usize) -> (&[Step], Makes) {
    let mut with_numbers = 0;
    for (at, step) in steps.iter().enumerate() {
        with_numbers += usize::from(step.statistic().is_some());
        if step.definition().kind == Kind::GlobalLinking {
            return (&steps[..=at], Makes::Map);
        }
        if with_numbers > measured {
            return (&steps[..=at], Makes::Statistic);
        }
    }
    (steps, Makes::Pixels)
}

/// The longest run of steps that one stage can take, and how many steps that is. All of them make what is
/// aimed at, fewer make rows.
fn longest_stage(
    input: PictureInfo,
    steps: &[Step],
    aim: Makes,
    limits: &PlanLimits,
) -> Result<(Stage, usize), PlanError> {
    let formats = Chain::new(steps.to_vec()).formats(input.format)?;
    for taken in (1..=steps.len()).rev() {
        let makes = if taken == steps.len() { aim } else { Makes::Pixels };
        let work = Work { chain: Chain::new(steps[..taken].to_vec()), formats: &formats[..taken], makes };
        let smallest = if taken == 1 { SIDE_STEP } else { SMALLEST_SIDE.max(work.chain.halo()) };
        if makes == Makes::Statistic {
            check_statistic(input, &work, limits)?;
        }
        if let Some(stage) = fit(input, work, smallest, limits) {
            return Ok((stage, taken));
        }
    }
    if steps.is_empty() {
        let work = Work { chain: Chain::new(Vec::new()), formats: &[], makes: Makes::Pixels };
        return fit(input, work, SIDE_STEP, limits)
            .map(|stage| (stage, 0))
            .ok_or_else(|| too_wide("copying", 0, limits));
    }
    Err(too_wide(&steps[0].to_string(), steps[0].halo(), limits))
}

fn too_wide(step: &str, halo: u32, limits: &PlanLimits) -> PlanError {
    PlanError::TooWide { step: step.to_owned(), halo, max_record_bytes: limits.max_record_bytes }
}

/// What a stage would do.
struct Work<'a> {
    chain: Chain,
    /// After each step.
    formats: &'a [PixelFormat],
    makes: Makes,
}

impl Work<'_> {
    /// The picture after it, or the one that is measured.
    fn output(&self, input: PictureInfo) -> PictureInfo {
        let formats = match self.makes {
            Makes::Statistic => self.formats.split_last().map_or(self.formats, |(_, head)| head),
            Makes::Pixels | Makes::Map | Makes::Result => self.formats,
        };
        let format = formats.last().copied().unwrap_or(input.format);
        PictureInfo { size: self.chain.turn().size(input.size), format }
    }
}

/// Whether the partial result of a tile fits a record, however small the tile.
fn check_statistic(input: PictureInfo, work: &Work<'_>, limits: &PlanLimits) -> Result<(), PlanError> {
    let Some(step) = work.chain.measured() else { return Ok(()) };
    let words = step.statistic().map_or(0, |statistic| statistic.length(work.output(input).format));
    let bytes = words.saturating_mul(WORD_BYTES);
    if bytes <= room(&work.chain, limits) as usize {
        return Ok(());
    }
    Err(PlanError::Statistic { step: step.to_string(), bytes, max_record_bytes: limits.max_record_bytes })
}

/// Bytes of a record for pixels or a partial result.
fn room(chain: &Chain, limits: &PlanLimits) -> u64 {
    let numbered = chain.steps().iter().filter(|step| step.statistic().is_some()).count();
    limits.max_record_bytes.saturating_sub(HEADROOM_BYTES + numbered * NUMBERS_BYTES) as u64
}

/// The largest tile on which `work` fits; `None` if a side would have to fall below `smallest`.
fn fit(input: PictureInfo, work: Work<'_>, smallest: u32, limits: &PlanLimits) -> Option<Stage> {
    let halo = work.chain.halo();
    let room = room(&work.chain, limits);
    let fitting = Fitting { input, halo, widest: widest_pixel(work.formats), room, band_bytes: limits.band_bytes };
    let largest = (limits.tile_size / SIDE_STEP * SIDE_STEP).max(SIDE_STEP);
    let smallest = smallest.next_multiple_of(SIDE_STEP).min(largest);
    let sides = || (smallest..=largest).step_by(SIDE_STEP as usize);
    let tile = sides()
        .flat_map(|height| sides().map(move |width| Size { width, height }))
        .filter(|tile| fitting.fits(*tile))
        .max_by_key(|tile| (fitting.used(*tile).pixels(), tile.width.min(tile.height), tile.width))?;
    let (output, makes) = (work.output(input), work.makes);
    Some(Stage { steps: work.chain, halo, input, output, tile_width: tile.width, tile_height: tile.height, makes })
}

fn widest_pixel(formats: &[PixelFormat]) -> usize {
    formats.iter().map(|format| format.bytes_per_pixel()).max().unwrap_or(0)
}

/// What a tile of some size has to fit into.
struct Fitting {
    input: PictureInfo,
    halo: u32,
    /// Bytes of the largest pixel that the chain makes.
    widest: usize,
    /// Bytes of a record for pixels.
    room: u64,
    band_bytes: u64,
}

impl Fitting {
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
        let band = u64::from(taken.height) * self.input.row_bytes() as u64;
        taken.pixels() * self.input.format.bytes_per_pixel() as u64 <= self.room
            && used.pixels() * self.widest as u64 <= self.room
            && band <= self.band_bytes
    }
}

#[cfg(test)]
mod tests;
