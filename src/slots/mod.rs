//! Slots: places in a file for the pixels of tiles, so that records need not carry them.
//!
//! Owns what a slot looks like, how one is written, read and verified, and which slot of a ring is used next. A slot
//! says whose pixels it holds, and a checksum covers them: what was never written, was cut off, or is another tile's
//! by now is found when it is read. Knows no paths: the [store](crate::store) opens the files.

mod file;
mod header;
mod ring;

pub use file::{SlotError, SlotFile};
pub use header::{SlotHeader, SlotOwner, slot_bytes};
pub use ring::Ring;
