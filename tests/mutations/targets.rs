//! What must never panic, whatever it is given: the same functions for `tests/mutations` and for `fuzz/`.

use std::io::Cursor;

use tessera::bus::Headers;
use tessera::bus::records::{Check, JobCommand, TaskHeader, TileHeader};
use tessera::heartbeat::Heartbeat;
use tessera::operation::{Chain, Step};
use tessera::picture::codec;
use tessera::picture::raw::RawRows;
use tessera::picture::rows::{ReadError, RowReader};
use tessera::picture::sniff::{Format, sniff};

/// Memory for pictures that are decoded whole, in bytes.
pub const MAX_DECODE_BYTES: u64 = 8 << 20;
/// Samples after which a picture has shown enough, in bytes.
const MAX_READ_BYTES: u64 = 16 << 20;

/// Reads a picture of whatever format its first bytes say; says whether it was whole.
pub fn picture(bytes: &[u8]) -> bool {
    sniff(bytes).is_some_and(|format| read(format, bytes).is_ok())
}

fn read(format: Format, bytes: &[u8]) -> Result<(), ReadError> {
    let header = codec::read_header(format, Cursor::new(bytes), MAX_DECODE_BYTES)?;
    let _ = header.notices(header.info.format.layout);
    let mut rows = codec::open(format, Cursor::new(bytes.to_vec()), MAX_DECODE_BYTES)?;
    assert_eq!(rows.info(), header.info, "the header and the rows are of one mind");
    read_rows(rows.as_mut())
}

/// Reads rows between stages.
pub fn rows(bytes: &[u8]) -> bool {
    RawRows::open(bytes).and_then(|mut rows| read_rows(&mut rows)).is_ok()
}

fn read_rows(rows: &mut dyn RowReader) -> Result<(), ReadError> {
    let info = rows.info();
    let bytes = info.row_bytes() as u64;
    let enough = (MAX_READ_BYTES / bytes.max(1)).max(1);
    let mut row = vec![0; bytes.min(MAX_READ_BYTES) as usize];
    for _ in 0..u64::from(info.size.height).min(enough) {
        rows.read_row(&mut row)?;
    }
    if u64::from(info.size.height) <= enough { rows.finish() } else { Ok(()) }
}

/// Reads an operation; what is one is written as it is read.
pub fn operation(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let _ = Chain::parse(&text.split(' ').collect::<Vec<_>>(), 16);
    // As a record has it, with the numbers that a sender may not write.
    let _ = serde_json::from_value::<Step>(text.into());
    let Ok(step) = text.parse::<Step>() else { return false };
    let again: Step = step.to_string().parse().expect("a step that was written");
    assert_eq!(again, step);
    true
}

/// Decodes a record: a line of schema, a line of JSON, and the value.
pub fn record(bytes: &[u8]) -> bool {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let [schema, json, value] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let named = ["task", "tile", "check"].map(|name| (name.to_owned(), json.to_vec()));
    let headers = Headers::new([("schema".to_owned(), schema.to_vec())].into_iter().chain(named).collect());
    let pixels = TaskHeader::decode(&headers, value).is_ok() | TileHeader::decode(&headers, value).is_ok();
    let texts = JobCommand::decode(&headers, json).is_ok() | Heartbeat::decode(&headers, json).is_ok();
    pixels | texts | Check::decode(&headers).is_ok()
}
