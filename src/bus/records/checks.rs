//! What all records are read and written with: schemas, JSON, and pixels that are held against what is said of them.

use serde::de::DeserializeOwned;

use crate::bus::Headers;
use crate::operation::statistic::WORD_BYTES;
use crate::picture::{Depth, Layout, PixelFormat};

/// The longest JSON header or JSON value that is looked at, in bytes.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// Why a record is not what its topic carries. Such a record is dead-lettered.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The header `schema` is missing, or names another record or another major version.
    #[error("reading a record: it {}, {expected} is read here", found.as_deref().map_or("names no schema".to_owned(), |name| format!("is called {name:?}")))]
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
pub(super) fn check_schema(headers: &Headers, expected: &'static str) -> Result<(), RecordError> {
    let found = headers.get("schema");
    let major = |schema: &str| schema.split_once('.').map(|(name_and_major, _)| name_and_major.to_owned());
    match found {
        Some(schema) if major(schema).is_some() && major(schema) == major(expected) => Ok(()),
        _ => Err(RecordError::Schema { found: found.map(|text| text.chars().take(64).collect()), expected }),
    }
}

pub(super) fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, RecordError> {
    if text.len() > MAX_JSON_BYTES {
        return Err(RecordError::Json(format!("{} bytes of JSON, at most {MAX_JSON_BYTES} are read", text.len())));
    }
    serde_json::from_slice(text).map_err(|error| RecordError::Json(error.to_string()))
}

pub(super) fn read_json_header<T: DeserializeOwned>(headers: &Headers, name: &str) -> Result<T, RecordError> {
    let text = headers.get(name).ok_or_else(|| RecordError::Json(format!("no header {name:?}")))?;
    read_json(text.as_bytes())
}

pub(super) fn write_json<T: serde::Serialize>(value: &T) -> String {
    // Plain structs with text keys serialize always; an empty header would be refused by its reader.
    serde_json::to_string(value).unwrap_or_default()
}

/// Checks that `payload` is `width` × `height` pixels of a format, and that its checksum agrees.
pub(super) fn check_pixels(claim: &PixelClaim, payload: &[u8]) -> Result<PixelFormat, RecordError> {
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
pub(super) fn check_empty(payload: &[u8]) -> Result<(), RecordError> {
    if payload.is_empty() {
        return Ok(());
    }
    Err(RecordError::Size(format!("its pixels are in a slot, and it has {} bytes", payload.len())))
}

/// Checks that `payload` is `words` words measured of pixels of a format, and that its checksum agrees.
pub(super) fn check_words(claim: &PixelClaim, words: u32, payload: &[u8]) -> Result<(), RecordError> {
    check_format(claim)?;
    if u64::from(words) * WORD_BYTES as u64 != payload.len() as u64 || payload.is_empty() {
        return Err(RecordError::Size(format!("{words} words are not {} bytes", payload.len())));
    }
    check_sum(claim, payload)
}

pub(super) fn check_format(claim: &PixelClaim) -> Result<PixelFormat, RecordError> {
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
pub(super) struct PixelClaim {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: u8,
    pub(super) depth: u8,
    pub(super) crc32c: u32,
}
