//! A task: one tile with its halo, and what is to be done to it.

use serde::{Deserialize, Serialize};

use super::{PixelClaim, RecordError, check_empty, check_pixels, check_schema, read_json_header, write_json};
use crate::bus::Headers;
use crate::job::JobId;
use crate::operation::{Chain, Margins};
use crate::picture::{PictureInfo, PixelFormat, Rect};
use crate::plan::PlanHash;
use crate::tiling::Grid;

/// Where the pixels of a tile are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKind {
    /// They are the record's value.
    #[default]
    Inline,
    /// In a slot in the store: the record's value is empty.
    Shared,
}

impl PayloadKind {
    /// Whether they are the record's value.
    pub fn is_inline(&self) -> bool {
        *self == Self::Inline
    }

    /// The word for people and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Shared => "shared",
        }
    }
}

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

/// The header `task` of a record on `tasks` whose pixels are in a slot, as its result is to be. All that is the same for
/// the stage's tiles is in the job's plan, and not said again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotTask {
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
    /// Where the pixels are: [`PayloadKind::Shared`].
    pub payload: PayloadKind,
    /// Which slot of the stage's ring.
    pub slot: u32,
    /// CRC-32C of the pixels.
    pub crc32c: u32,
}

/// A record on `tasks`.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Its value is the pixels.
    Inline(Box<TaskHeader>),
    /// They are in a slot.
    Slot(SlotTask),
}

#[derive(Deserialize)]
struct Payload {
    payload: PayloadKind,
}

impl Task {
    /// The record's headers.
    pub fn encode(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Inline(task) => task.encode(),
            Self::Slot(task) => vec![("schema", TaskHeader::SCHEMA.to_owned()), ("task", write_json(task))],
        }
    }

    /// Reads a record and compares all that it says with its bytes.
    ///
    /// # Errors
    /// If it is no task, or its sizes or checksum do not agree.
    pub fn decode(headers: &Headers, payload: &[u8]) -> Result<Self, RecordError> {
        check_schema(headers, TaskHeader::SCHEMA)?;
        let Payload { payload: kind } = read_json_header(headers, "task")?;
        if kind.is_inline() {
            return TaskHeader::decode(headers, payload).map(|task| Self::Inline(Box::new(task)));
        }
        check_empty(payload)?;
        read_json_header(headers, "task").map(Self::Slot)
    }

    /// The job.
    pub fn job(&self) -> JobId {
        match self {
            Self::Inline(task) => task.job,
            Self::Slot(task) => task.job,
        }
    }

    /// Which run of the job.
    pub fn run(&self) -> u32 {
        match self {
            Self::Inline(task) => task.run,
            Self::Slot(task) => task.run,
        }
    }

    /// Which stage.
    pub fn stage(&self) -> u32 {
        match self {
            Self::Inline(task) => task.stage,
            Self::Slot(task) => task.stage,
        }
    }

    /// How often the tile has been sent in its stage.
    pub fn attempt(&self) -> u32 {
        match self {
            Self::Inline(task) => task.attempt,
            Self::Slot(task) => task.attempt,
        }
    }

    /// Which tile of the stage's grid.
    pub fn index(&self) -> u32 {
        match self {
            Self::Inline(task) => task.index,
            Self::Slot(task) => task.index,
        }
    }

    /// Where the pixels are.
    pub fn payload(&self) -> PayloadKind {
        match self {
            Self::Inline(_) => PayloadKind::Inline,
            Self::Slot(_) => PayloadKind::Shared,
        }
    }
}
