//! The layout of a pyramid's file: tiles, then an entry for each, then an end of a fixed length that says what it is.
//!
//! So it is written from front to back and read from the back, two small reads before a tile's own. All numbers have their
//! low byte first. A later version may put more between tiles and entries; the end says where the entries are.

use super::encode::TileKind;
use super::shape::Shape;
use crate::picture::Size;

/// Bytes of an entry.
pub(super) const ENTRY_BYTES: usize = 16;
/// Bytes of the end.
pub(super) const END_BYTES: usize = 48;
/// Tells the format and its version.
const MAGIC: [u8; 8] = *b"TSRPYR\x00\x01";

/// Where a tile is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) bytes: u32,
    /// CRC-32C of its bytes.
    pub(super) crc32c: u32,
}

impl Entry {
    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut out = [0; ENTRY_BYTES];
        out[..8].copy_from_slice(&self.offset.to_le_bytes());
        out[8..12].copy_from_slice(&self.bytes.to_le_bytes());
        out[12..].copy_from_slice(&self.crc32c.to_le_bytes());
        out
    }

    pub(super) fn from_bytes(bytes: [u8; ENTRY_BYTES]) -> Self {
        Self { offset: number8(&bytes, 0), bytes: number4(&bytes, 8), crc32c: number4(&bytes, 12) }
    }
}

/// What a pyramid's file says of itself at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) shape: Shape,
    pub(super) kind: TileKind,
    /// Where the entries begin.
    pub(super) entries_at: u64,
}

impl End {
    pub(super) fn to_bytes(self) -> [u8; END_BYTES] {
        let Size { width, height } = self.shape.size();
        let mut out = [0; END_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&width.to_le_bytes());
        out[12..16].copy_from_slice(&height.to_le_bytes());
        out[16] = self.shape.top();
        out[17] = u8::from(self.kind == TileKind::Png);
        out[24..32].copy_from_slice(&self.entries_at.to_le_bytes());
        let crc32c = crc32c::crc32c(&out[..END_BYTES - 4]);
        out[END_BYTES - 4..].copy_from_slice(&crc32c.to_le_bytes());
        out
    }

    /// `None` if it is no end that was written so.
    pub(super) fn from_bytes(bytes: &[u8; END_BYTES]) -> Option<Self> {
        let is_whole = bytes[..8] == MAGIC && crc32c::crc32c(&bytes[..END_BYTES - 4]) == number4(bytes, END_BYTES - 4);
        let size = Size { width: number4(bytes, 8), height: number4(bytes, 12) };
        let shape = Shape::with_top(size, bytes[16]).filter(|_| is_whole)?;
        let kind = match bytes[17] {
            0 => TileKind::Jpeg,
            1 => TileKind::Png,
            _ => return None,
        };
        Some(Self { shape, kind, entries_at: number8(bytes, 24) })
    }
}

fn number4(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn number8(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}
