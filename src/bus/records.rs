//! What records say: tasks, tiles, commands and heartbeats, with their schemas.
//!
//! A record's header is JSON and its value raw pixels, or the value is JSON. `schema` is
//! `name/major.minor`: another major is refused, unknown fields of a newer minor are ignored. Nothing
//! here trusts a size or a checksum that it has not compared with the bytes.

mod beat;
mod command;
mod payload;
mod slot_task;
mod task;
mod tile;

pub use command::{Check, JobCommand};
pub use payload::PayloadKind;
pub use slot_task::{SlotTask, Task};
pub use task::{Encoding, TaskHeader};
pub use tile::{StepTimes, TileHeader};

use serde::de::DeserializeOwned;

use super::Headers;
use crate::operation::statistic::WORD_BYTES;
use crate::picture::{Depth, Layout, PixelFormat};

/// The longest JSON header or JSON value that is looked at, in bytes.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// Why a record is not what its topic carries. Such a record is dead-lettered.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The header `schema` is missing, or names another record or another major version.
    #[error("reading a record: schema is {found:?}, expected {expected:?}")]
    Schema {
        /// What came.
        found: Option<String>,
        /// What is read here.
        expected: &'static str,
    },
    /// The JSON is missing, too long or does not decode.
    #[error("reading a record: {0}")]
    Json(String),
    /// The sizes in the header do not agree with each other or with the bytes.
    #[error("reading a record: {0}")]
    Size(String),
    /// The checksum of the bytes is another.
    #[error("reading a record: crc32c of the pixels is {actual:08x}, the header says {expected:08x}")]
    Checksum {
        /// By the header.
        expected: u32,
        /// Of the bytes.
        actual: u32,
    },
}

/// Compares the header `schema` with `expected` (`name/major.minor`): name and major must agree.
fn check_schema(headers: &Headers, expected: &'static str) -> Result<(), RecordError> {
    let found = headers.get("schema");
    let major = |schema: &str| schema.split_once('.').map(|(name_and_major, _)| name_and_major.to_owned());
    match found {
        Some(schema) if major(schema).is_some() && major(schema) == major(expected) => Ok(()),
        _ => Err(RecordError::Schema { found: found.map(|text| text.chars().take(64).collect()), expected }),
    }
}

fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, RecordError> {
    if text.len() > MAX_JSON_BYTES {
        return Err(RecordError::Json(format!("{} bytes of JSON, at most {MAX_JSON_BYTES} are read", text.len())));
    }
    serde_json::from_slice(text).map_err(|error| RecordError::Json(error.to_string()))
}

fn read_json_header<T: DeserializeOwned>(headers: &Headers, name: &str) -> Result<T, RecordError> {
    let text = headers.get(name).ok_or_else(|| RecordError::Json(format!("no header {name:?}")))?;
    read_json(text.as_bytes())
}

fn write_json<T: serde::Serialize>(value: &T) -> String {
    // Plain structs with text keys serialize always; an empty header would be refused by its reader.
    serde_json::to_string(value).unwrap_or_default()
}

/// Checks that `payload` is `width` × `height` pixels of a format, and that its checksum agrees.
fn check_pixels(claim: &PixelClaim, payload: &[u8]) -> Result<PixelFormat, RecordError> {
    let format = check_format(claim)?;
    let bytes = u64::from(claim.width) * u64::from(claim.height);
    let bytes = bytes.checked_mul(format.bytes_per_pixel() as u64);
    if bytes != Some(payload.len() as u64) || payload.is_empty() {
        return Err(RecordError::Size(format!(
            "{}x{} pixels of {} bytes are not {} bytes",
            claim.width,
            claim.height,
            format.bytes_per_pixel(),
            payload.len()
        )));
    }
    check_sum(claim, payload)?;
    Ok(format)
}

/// Checks that a record whose pixels are elsewhere has none.
fn check_empty(payload: &[u8]) -> Result<(), RecordError> {
    if payload.is_empty() {
        return Ok(());
    }
    Err(RecordError::Size(format!("its pixels are in a slot, and it has {} bytes", payload.len())))
}

/// Checks that `payload` is `words` words measured of pixels of a format, and that its checksum agrees.
fn check_words(claim: &PixelClaim, words: u32, payload: &[u8]) -> Result<(), RecordError> {
    check_format(claim)?;
    if u64::from(words) * WORD_BYTES as u64 != payload.len() as u64 || payload.is_empty() {
        return Err(RecordError::Size(format!("{words} words are not {} bytes", payload.len())));
    }
    check_sum(claim, payload)
}

fn check_format(claim: &PixelClaim) -> Result<PixelFormat, RecordError> {
    let layout = Layout::from_channels(usize::from(claim.channels));
    match (layout, Depth::try_from(claim.depth)) {
        (Some(layout), Ok(depth)) => Ok(PixelFormat { layout, depth }),
        _ => Err(RecordError::Size(format!("{} channels of {} bits are no pixel", claim.channels, claim.depth))),
    }
}

fn check_sum(claim: &PixelClaim, payload: &[u8]) -> Result<(), RecordError> {
    let actual = crc32c::crc32c(payload);
    if actual == claim.crc32c { Ok(()) } else { Err(RecordError::Checksum { expected: claim.crc32c, actual }) }
}

/// What a header says of the pixels beside it.
struct PixelClaim {
    width: u32,
    height: u32,
    channels: u8,
    depth: u8,
    crc32c: u32,
}

#[cfg(test)]
mod tests;
