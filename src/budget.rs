//! One budget of memory for a process: bands, decoders, encoders, tiles in hand and client queues draw on it.
//!
//! Owns the count of bytes that are promised and who waits for some. Allocates nothing itself, and never
//! promises more than there is: a caller that finds no room waits, first come, first served, or is refused by name.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Counted in these: a budget may be larger than the 4 GiB that one request to a semaphore can name.
const UNIT_BYTES: u64 = 1024;

/// Bytes that may be promised at once. Clones draw on the same bytes.
#[derive(Clone)]
pub struct Budget {
    room: Arc<Room>,
}

struct Room {
    free: Arc<Semaphore>,
    units: u32,
    waiting: AtomicUsize,
    /// What a part of a budget has of the whole.
    _of: Option<Share>,
}

/// A promise of bytes; they are free again when it is dropped.
pub struct Share {
    permit: OwnedSemaphorePermit,
}

/// A budget that is too small for what a process cannot do without.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "dividing the memory budget of {total} bytes: {what} needs {bytes} bytes, {free} are left; raise TESSERA_MEMORY_BUDGET"
)]
pub struct TooSmall {
    /// What there is no room for.
    pub what: &'static str,
    /// What it needs.
    pub bytes: u64,
    /// What is left.
    pub free: u64,
    /// The whole.
    pub total: u64,
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX);
        Self::of(units, None)
    }

    fn of(units: u32, whole: Option<Share>) -> Self {
        let free = Arc::new(Semaphore::new(units as usize));
        Self { room: Arc::new(Room { free, units, waiting: AtomicUsize::new(0), _of: whole }) }
    }

    /// Waits for `bytes`; those who wait are served in the order in which they came. A request for more
    /// than the whole waits until all of it is free, and gets all of it.
    ///
    /// # Cancel safety
    /// Dropped while it waits it holds nothing, and those behind it move up.
    pub async fn reserve(&self, bytes: u64) -> Share {
        let _waiting = Waiting::new(&self.room);
        match Arc::clone(&self.room.free).acquire_many_owned(self.units(bytes)).await {
            Ok(permit) => Share { permit },
            // The semaphore is never closed.
            Err(AcquireError { .. }) => std::future::pending().await,
        }
    }

    /// `bytes` at once; `None` if they are not free, or others wait already.
    pub fn try_reserve(&self, bytes: u64) -> Option<Share> {
        let permit = Arc::clone(&self.room.free).try_acquire_many_owned(self.units(bytes)).ok()?;
        Some(Share { permit })
    }

    /// Sets `bytes` aside for `what`, at the start of a process.
    ///
    /// # Errors
    /// [`TooSmall`], which names `what`.
    pub fn set_aside(&self, bytes: u64, what: &'static str) -> Result<Share, TooSmall> {
        let free = self.free();
        let too_small = TooSmall { what, bytes, free, total: self.total() };
        if bytes > free { Err(too_small) } else { self.try_reserve(bytes).ok_or(too_small) }
    }

    /// Sets `bytes` aside as a budget of their own, in which no one waits for those outside.
    ///
    /// # Errors
    /// [`TooSmall`], which names `what`.
    pub fn part(&self, bytes: u64, what: &'static str) -> Result<Self, TooSmall> {
        let share = self.set_aside(bytes, what)?;
        Ok(Self::of(share.units(), Some(share)))
    }

    /// All that can be promised, in bytes.
    pub fn total(&self) -> u64 {
        u64::from(self.room.units) * UNIT_BYTES
    }

    /// What is not promised, in bytes.
    pub fn free(&self) -> u64 {
        self.room.free.available_permits() as u64 * UNIT_BYTES
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.room.waiting.load(Ordering::Relaxed)
    }

    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.room.units)
    }
}

impl Share {
    /// The bytes that are promised.
    pub fn bytes(&self) -> u64 {
        self.permit.num_permits() as u64 * UNIT_BYTES
    }

    fn units(&self) -> u32 {
        u32::try_from(self.permit.num_permits()).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, free, waiting) = (self.total(), self.free(), self.waiting());
        out.debug_struct("Budget").field("total", &total).field("free", &free).field("waiting", &waiting).finish()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Share").field("bytes", &self.bytes()).finish()
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting<'a>(&'a Room);

impl<'a> Waiting<'a> {
    fn new(room: &'a Room) -> Self {
        room.waiting.fetch_add(1, Ordering::Relaxed);
        Self(room)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
