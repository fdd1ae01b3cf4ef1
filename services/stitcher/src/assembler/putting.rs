//! Pixels into their slots, on a thread that may block; decides nothing about their job.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::reference::Reference;
use crate::spool::{SlotError, Slots};

/// Pixels on their way to a slot.
pub(super) struct Put {
    pub(super) slots: Arc<Slots>,
    pub(super) index: u32,
    pub(super) pixels: Pixels,
    pub(super) crc32c: u32,
    /// The slot holds a tile already, so the pixels are only compared with it.
    pub(super) is_known: bool,
}

/// Where pixels are before they are put into a slot.
pub(super) enum Pixels {
    /// They came with their record.
    Here(Vec<u8>),
    /// A worker has put them there already.
    InSlot,
    /// A worker has put them into the store, and this stage's slots are elsewhere.
    InStore(Reference),
}

/// What became of them.
pub(super) enum Putted {
    /// The slot holds them.
    Held,
    /// They are not where their record says.
    Absent,
    /// The slot holds others.
    Differs,
    /// The spool does not take them.
    Failed(io::Error),
    /// The code panicked.
    Panicked,
}

/// Puts pixels into their slot, and says how long it took; a panic is told as what became of them. Blocks.
pub(super) fn timed(one: Put) -> (Putted, Duration) {
    let begun = Instant::now();
    (catch_unwind(AssertUnwindSafe(|| put(one))).unwrap_or(Putted::Panicked), begun.elapsed())
}

/// Puts pixels into their slot, or compares them with what it holds. Blocks.
fn put(put: Put) -> Putted {
    let Put { slots, index, pixels, crc32c, is_known } = put;
    match pixels {
        Pixels::Here(pixels) => keep(&slots, index, pixels, (crc32c, is_known)),
        Pixels::InSlot => find(&slots, index, crc32c),
        Pixels::InStore(reference) => match reference.read() {
            Some(pixels) => keep(&slots, index, pixels, (crc32c, is_known)),
            None => Putted::Absent,
        },
    }
}

fn keep(slots: &Slots, index: u32, pixels: Vec<u8>, (crc32c, is_known): (u32, bool)) -> Putted {
    let slots = match slots.open() {
        Ok(slots) => slots,
        Err(error) => return Putted::Failed(error),
    };
    if is_known {
        match slots.stored_crc32c(index) {
            Ok(stored) if stored == crc32c => return Putted::Held,
            Ok(_) => return Putted::Differs,
            // The slot lost its tile; these are its bytes.
            Err(SlotError::Bad { .. }) => {}
            Err(SlotError::Spool { source, .. }) => return Putted::Failed(source),
        }
    }
    match slots.write(index, pixels, crc32c) {
        Ok(()) => Putted::Held,
        Err(error) => Putted::Failed(error),
    }
}

/// Looks whether a slot says that it holds a tile; opens it once more if it does not. Its pixels are verified when they
/// are read.
fn find(slots: &Slots, index: u32, crc32c: u32) -> Putted {
    for _ in 0..2 {
        let slots = match slots.open() {
            Ok(slots) => slots,
            Err(error) => return Putted::Failed(error),
        };
        match slots.stored_crc32c(index) {
            Ok(stored) if stored == crc32c => return Putted::Held,
            Ok(_) => return Putted::Differs,
            Err(SlotError::Bad { .. }) => {}
            Err(SlotError::Spool { source, .. }) => return Putted::Failed(source),
        }
    }
    Putted::Absent
}
