//! What a record on `tasks` is: a task with its pixels, or the name of a tile whose pixels are in a slot.

use serde::{Deserialize, Serialize};

use super::payload::PayloadKind;
use super::task::TaskHeader;
use super::{RecordError, check_empty, check_schema, read_json_header, write_json};
use crate::bus::Headers;
use crate::job::JobId;
use crate::plan::PlanHash;

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
