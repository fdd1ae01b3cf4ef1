//! A tile: what a worker made of a task.

use serde::{Deserialize, Serialize};

use super::checks::{
    PixelClaim, RecordError, check_empty, check_format, check_pixels, check_schema, check_words, read_json_header,
    write_json,
};
use super::payload::PayloadKind;
use crate::bus::Headers;
use crate::job::{Digest, JobId, Token, WorkerId};
use crate::picture::PixelFormat;
use crate::plan::PlanHash;

/// What a worker spent on a tile, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTimes {
    /// From the record's arrival until a thread took it.
    pub wait: f32,
    /// Running the operations.
    pub run: f32,
}

/// A job's result that a worker has made whole and put into the store, where it is visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeResult {
    /// The attempt that its name has: of the name's parts the only one that the plan does not say.
    pub token: Token,
    /// Its length.
    pub bytes: u64,
    /// Its digest.
    pub digest: Option<Digest>,
}

/// The header `tile` of a record on `results`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TileHeader {
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
    /// The task's attempt.
    pub attempt: u32,
    /// Who made it.
    pub worker: WorkerId,
    /// The worker's small number, for the table of tiles.
    pub worker_number: u16,
    /// Which start of that worker.
    pub incarnation: Token,
    /// Where the value is.
    #[serde(default, skip_serializing_if = "PayloadKind::is_inline")]
    pub payload: PayloadKind,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Channels of a pixel.
    pub channels: u8,
    /// Bits of a sample.
    pub depth: u8,
    /// Words of the value, if it is no pixels but what was measured of them: 8 bytes each, low byte first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<u32>,
    /// The result, where the tile is the whole picture: then there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<WholeResult>,
    /// CRC-32C of the value.
    pub crc32c: u32,
    /// What it took.
    pub ms: StepTimes,
}

impl TileHeader {
    /// What its records say they are.
    pub const SCHEMA: &'static str = "tile/1.2";

    /// The record's headers.
    pub fn encode(&self) -> Vec<(&'static str, String)> {
        vec![("schema", Self::SCHEMA.to_owned()), ("tile", write_json(self))]
    }

    /// Reads a record and compares all that it says with its bytes; those of a slot are for the slot's reader.
    ///
    /// # Errors
    /// If it is no tile, or its sizes or checksum do not agree.
    pub fn decode(headers: &Headers, payload: &[u8]) -> Result<Self, RecordError> {
        check_schema(headers, Self::SCHEMA)?;
        let tile: Self = read_json_header(headers, "tile")?;
        let claim = PixelClaim {
            width: tile.width,
            height: tile.height,
            channels: tile.channels,
            depth: tile.depth,
            crc32c: tile.crc32c,
        };
        if !tile.payload.is_inline() || tile.result.is_some() {
            check_empty(payload)?;
            check_format(&claim)?;
            return Ok(tile);
        }
        match tile.statistic {
            Some(words) => check_words(&claim, words, payload)?,
            None => drop(check_pixels(&claim, payload)?),
        }
        Ok(tile)
    }

    /// Whether its size and format are those that stage and index ask for.
    pub fn fits(&self, width: u32, height: u32, format: PixelFormat) -> bool {
        self.width == width
            && self.height == height
            && usize::from(self.channels) == format.layout.channels()
            && self.depth == format.depth.bits()
    }
}
