//! A task: one tile with its halo, and what is to be done to it.

use serde::{Deserialize, Serialize};

use super::payload::PayloadKind;
use super::{PixelClaim, RecordError, check_pixels, check_schema, read_json_header, write_json};
use crate::bus::Headers;
use crate::job::JobId;
use crate::operation::{Chain, Margins};
use crate::picture::{PictureInfo, PixelFormat, Rect};
use crate::plan::{PlanHash, Stage};
use crate::tiling::Grid;

/// How a task's pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Row by row, channels interleaved, 16 bit low byte first.
    Raw,
}

/// The header `task` of a record on `tasks` whose value is the pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskHeader {
    /// The job.
    pub job: JobId,
    /// Which run of it.
    pub run: u32,
    /// Which stage, from 0.
    pub stage: u32,
    /// Which tile of the stage's grid.
    pub index: u32,
    /// The plan it was cut by.
    pub plan: PlanHash,
    /// How often this tile has been sent in this stage, from 1.
    pub attempt: u32,
    /// Where the pixels are.
    pub payload: PayloadKind,
    /// Where the result may go.
    #[serde(default, skip_serializing_if = "PayloadKind::is_inline")]
    pub results: PayloadKind,
    /// How they are written.
    pub encoding: Encoding,
    /// The tile without halo.
    pub rect: Rect,
    /// The halo, clipped at the picture's edges.
    pub margins: Margins,
    /// The stage's whole input.
    pub picture: PictureInfo,
    /// Columns of the pixels: tile and halo.
    pub width: u32,
    /// Rows of the pixels: tile and halo.
    pub height: u32,
    /// Channels of a pixel.
    pub channels: u8,
    /// Bits of a sample.
    pub depth: u8,
    /// CRC-32C of the pixels.
    pub crc32c: u32,
    /// What is to be done, every number resolved.
    pub operations: Chain,
}

impl TaskHeader {
    /// What its records say they are.
    pub const SCHEMA: &'static str = "task/1.1";

    /// What a task says of tile `index` of a stage, of a job, run and number: sent for the first time, its pixels in records
    /// both ways, with no checksum yet. `None` if the stage has no such tile.
    pub fn of(
        (job, run, number): (JobId, u32, u32),
        index: u32,
        plan: PlanHash,
        stage: &Stage,
        operations: &Chain,
    ) -> Option<Self> {
        let grid = stage.grid();
        let rect = grid.rect(index)?;
        let margins = grid.margins(rect, stage.halo);
        let (whole, format) = (Grid::with_margins(rect, margins), stage.input.format);
        Some(Self {
            job,
            run,
            stage: number,
            index,
            plan,
            attempt: 1,
            payload: PayloadKind::Inline,
            results: PayloadKind::Inline,
            encoding: Encoding::Raw,
            rect,
            margins,
            picture: stage.input,
            width: whole.width,
            height: whole.height,
            channels: u8::try_from(format.layout.channels()).unwrap_or(u8::MAX),
            depth: format.depth.bits(),
            crc32c: 0,
            operations: operations.clone(),
        })
    }

    /// The record's headers.
    pub fn encode(&self) -> Vec<(&'static str, String)> {
        vec![("schema", Self::SCHEMA.to_owned()), ("task", write_json(self))]
    }

    /// Reads a record and compares all that it says with its bytes.
    ///
    /// # Errors
    /// If it is no task, or its sizes or checksum do not agree.
    pub fn decode(headers: &Headers, payload: &[u8]) -> Result<Self, RecordError> {
        check_schema(headers, Self::SCHEMA)?;
        let task: Self = read_json_header(headers, "task")?;
        task.check_geometry()?;
        let claim = PixelClaim {
            width: task.width,
            height: task.height,
            channels: task.channels,
            depth: task.depth,
            crc32c: task.crc32c,
        };
        let format = check_pixels(&claim, payload)?;
        if format != task.picture.format {
            return Err(RecordError::Size("the pixels' format is not the picture's".to_owned()));
        }
        Ok(task)
    }

    fn check_geometry(&self) -> Result<(), RecordError> {
        let (rect, margins, picture) = (self.rect, self.margins, self.picture.size);
        let inside = |first: u32, length: u32, before: u32, after: u32, side: u32| {
            let (first, end) = (u64::from(first), u64::from(first) + u64::from(length));
            u64::from(before) <= first && end + u64::from(after) <= u64::from(side) && length > 0
        };
        let across = inside(rect.x, rect.width, margins.left, margins.right, picture.width);
        let down = inside(rect.y, rect.height, margins.top, margins.bottom, picture.height);
        if !across || !down {
            return Err(RecordError::Size("the tile or its halo lies outside the picture".to_owned()));
        }
        let whole = Grid::with_margins(rect, margins);
        if whole.width != self.width || whole.height != self.height {
            return Err(RecordError::Size("tile and halo are not the pixels' size".to_owned()));
        }
        Ok(())
    }

    /// The format of the pixels.
    pub fn format(&self) -> PixelFormat {
        self.picture.format
    }
}
