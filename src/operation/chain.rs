//! A list of steps run one after the other on a tile with its halo.

use serde::{Deserialize, Serialize};

use super::engine::area::Area;
use super::error::StepError;
use super::step::Step;
use crate::picture::{Margins, PictureInfo, PixelFormat, Pixels, Rect, Turn};

/// Steps of a chain that are told to be wrong.
const MOST_PROBLEMS: usize = 20;

/// A tile with its halo, and where it lies.
#[derive(Debug)]
pub struct TileInput {
    /// The pixels of tile and halo.
    pub pixels: Pixels,
    /// The tile in the picture, without halo.
    pub rect: Rect,
    /// What of `pixels` is halo.
    pub margins: Margins,
    /// The whole picture.
    pub picture: PictureInfo,
}

impl TileInput {
    /// Checks that the pixels are those of the tile with at least `halo` around, clipped at the picture's edges.
    fn check(&self, halo: u32) -> Result<(), StepError> {
        let (rect, margins, size) = (self.rect, self.margins, self.picture.size);
        let horizontal = (rect.x, rect.width, margins.left, margins.right, size.width, self.pixels.size().width);
        let vertical = (rect.y, rect.height, margins.top, margins.bottom, size.height, self.pixels.size().height);
        let fits = [horizontal, vertical].into_iter().all(|(start, length, before, after, picture, actual)| {
            let [start, length, before, after] = [start, length, before, after].map(u64::from);
            let (picture, halo) = (u64::from(picture), u64::from(halo));
            let beyond = picture.checked_sub(start + length);
            length > 0
                && before + length + after == u64::from(actual)
                && (halo.min(start)..=start).contains(&before)
                && beyond.is_some_and(|beyond| (halo.min(beyond)..=beyond).contains(&after))
        });
        if fits && self.pixels.format() == self.picture.format {
            return Ok(());
        }
        let Rect { x, y, width, height } = rect;
        let text = format!("tile {width}x{height} at {x},{y}: its pixels are not the tile with a halo of {halo}");
        Err(StepError::Tile(text))
    }
}

/// Steps in order; at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(Vec<Step>);

impl Chain {
    /// Takes steps in order. An empty chain copies its input.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Reads 1 to `max` steps.
    ///
    /// # Errors
    /// [`StepError::Grammar`] of all texts that are no steps, or if there are too many or none.
    pub fn parse<S: AsRef<str>>(texts: &[S], max: usize) -> Result<Self, StepError> {
        if texts.is_empty() || texts.len() > max {
            let text = format!("a chain has 1 to {max} operations, got {}", texts.len());
            return Err(StepError::Grammar(text));
        }
        let (steps, problems): (Vec<_>, Vec<_>) =
            texts.iter().map(|text| text.as_ref().parse::<Step>()).partition(Result::is_ok);
        if problems.is_empty() {
            return Ok(Self(steps.into_iter().flatten().collect()));
        }
        // All that is wrong is told at once.
        let problems = problems.into_iter().filter_map(Result::err).take(MOST_PROBLEMS);
        let problems: Vec<String> = problems.map(|problem| problem.to_string()).collect();
        Err(StepError::Grammar(problems.join("; ")))
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The sum of the steps' halos.
    pub fn halo(&self) -> u32 {
        self.0.iter().map(Step::halo).sum()
    }

    /// All turns of the steps as one.
    pub fn turn(&self) -> Turn {
        self.0.iter().fold(Turn::None, |turn, step| turn.then(step.turn()))
    }

    /// The steps that turn a picture in this way, and then these.
    pub fn after(&self, turn: Turn) -> Self {
        let steps: &[&str] = match turn {
            Turn::None => &[],
            Turn::Rotate90 => &["rotate:degrees=90"],
            Turn::Rotate180 => &["rotate:degrees=180"],
            Turn::Rotate270 => &["rotate:degrees=270"],
            Turn::FlipHorizontal => &["flip:axis=h"],
            Turn::FlipVertical => &["flip:axis=v"],
            Turn::Transpose => &["rotate:degrees=90", "flip:axis=h"],
            Turn::Transverse => &["rotate:degrees=90", "flip:axis=v"],
        };
        // They are steps of the grammar, which a test says; one that were not would be left out.
        let first = steps.iter().filter_map(|text| text.parse().ok());
        Self(first.chain(self.0.iter().cloned()).collect())
    }

    /// The last step, if it has to be measured: then the chain gives a partial result of it, not pixels.
    pub fn measured(&self) -> Option<&Step> {
        self.0.last().filter(|step| step.statistic().is_some())
    }

    /// The size and format of the picture after the last step; of one that is measured, before it.
    ///
    /// # Errors
    /// As [`Chain::formats`].
    pub fn result(&self, input: PictureInfo) -> Result<PictureInfo, StepError> {
        let head = &self.0[..self.0.len() - usize::from(self.measured().is_some())];
        let format = self.output(input.format)?;
        let format = if head.len() == self.0.len() { format } else { Self(head.to_vec()).output(input.format)? };
        Ok(PictureInfo { size: self.turn().size(input.size), format })
    }

    /// The pixel format after each step.
    ///
    /// # Errors
    /// [`StepError::Picture`] if a step does not take what comes before it.
    pub fn formats(&self, input: PixelFormat) -> Result<Vec<PixelFormat>, StepError> {
        let mut format = input;
        self.0
            .iter()
            .map(|step| {
                format = step.output(format)?;
                Ok(format)
            })
            .collect()
    }

    /// The pixel format after the last step.
    ///
    /// # Errors
    /// As [`Chain::formats`].
    pub fn output(&self, input: PixelFormat) -> Result<PixelFormat, StepError> {
        self.formats(input).map(|formats| formats.last().copied().unwrap_or(input))
    }

    /// Runs the chain on a tile and gives the tile's own pixels, without halo.
    ///
    /// Each step computes only what the steps after it still need: the tile with the sum of their halos.
    ///
    /// # Errors
    /// If a step does not take the pixels, or they are not the tile they are said to be.
    pub fn run(&self, input: TileInput) -> Result<Pixels, StepError> {
        self.run_watched(input, |_| ())
    }

    /// As [`Chain::run`]; `after` is told each step that has been run, so that its caller can take the time.
    ///
    /// # Errors
    /// As [`Chain::run`].
    pub fn run_watched(&self, input: TileInput, mut after: impl FnMut(&Step)) -> Result<Pixels, StepError> {
        let mut halo = self.halo();
        input.check(halo)?;
        let TileInput { mut pixels, mut rect, mut margins, picture } = input;
        let mut size = picture.size;
        for step in &self.0 {
            halo -= step.halo();
            let kept = margins.at_most(halo);
            pixels = step.run(area(pixels, rect, margins, kept)?.placed(first(rect, margins), size))?;
            let turn = step.turn();
            (rect, margins, size) = (turn.rect(rect, size), turn.margins(kept), turn.size(size));
            after(step);
        }
        Ok(area(pixels, rect, margins, Margins::default())?.cropped())
    }

    /// Runs all steps but the last on a tile, and measures that one on the tile without halo.
    ///
    /// # Errors
    /// As [`Chain::run`], and if the last step is not one to be measured.
    pub fn measure(&self, input: TileInput) -> Result<Vec<u64>, StepError> {
        self.measure_watched(input, |_| ())
    }

    /// As [`Chain::measure`]; `after` is told each step that has been run or measured.
    ///
    /// # Errors
    /// As [`Chain::measure`].
    pub fn measure_watched(&self, input: TileInput, mut after: impl FnMut(&Step)) -> Result<Vec<u64>, StepError> {
        let Some((last, head)) = self.0.split_last() else { return Err(StepError::unmeasured("no operation")) };
        let statistic = last.statistic();
        let statistic = statistic.ok_or_else(|| StepError::Tile(format!("{last}: nothing is to be measured")))?;
        let pixels = Self(head.to_vec()).run_watched(input, &mut after)?;
        last.output(pixels.format())?;
        let words = statistic.measure(&pixels)?;
        after(last);
        Ok(words)
    }
}

/// Where the first pixel of a tile with `margins` lies.
fn first(rect: Rect, margins: Margins) -> (u32, u32) {
    (rect.x.saturating_sub(margins.left), rect.y.saturating_sub(margins.top))
}

/// Of a tile with `margins`, asks for the tile with `kept` of them.
fn area(pixels: Pixels, rect: Rect, margins: Margins, kept: Margins) -> Result<Area, StepError> {
    let keep = Rect {
        x: margins.left - kept.left,
        y: margins.top - kept.top,
        width: kept.left + rect.width + kept.right,
        height: kept.top + rect.height + kept.bottom,
    };
    Area::new(pixels, keep).ok_or_else(|| StepError::Tile("a step gave pixels of another size".to_owned()))
}

#[cfg(test)]
mod tests;
