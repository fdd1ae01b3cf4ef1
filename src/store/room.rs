//! Room on the disks: whether a job's tiles and files fit before any of them is made.
//!
//! Looks at file systems as they are now; reserves nothing, so two jobs may count on the same room. What
//! runs out later still fails its job with a reason.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Store;
use crate::plan::DiskNeed;

/// A disk that a job does not fit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What the job needs of it, in bytes.
    pub needed: u64,
    /// What is free now.
    pub free: u64,
    /// What the whole disk has.
    pub total: u64,
}

impl Shortage {
    /// Whether the job would not even fit on the empty disk.
    pub fn is_forever(&self) -> bool {
        self.needed > self.total
    }
}

/// The disk of a store, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What is free now.
    pub free: u64,
    /// What the whole disk has.
    pub total: u64,
}

impl Store {
    /// The disk that the store is on, as it is now.
    ///
    /// # Errors
    /// If its file system cannot be asked.
    pub fn room(&self) -> io::Result<Room> {
        room_on(self.root.folder())
    }

    /// The disk on which `need` does not fit: the store's, or the one for scratch files; `None` if it fits.
    ///
    /// # Errors
    /// If a file system cannot be asked.
    pub fn shortage(&self, need: DiskNeed) -> io::Result<Option<Shortage>> {
        let (store, scratch) = (self.root.folder(), self.root.scratch());
        if std::fs::metadata(store)?.dev() == std::fs::metadata(scratch)?.dev() {
            return shortage_on(store, need.spool.max(need.slots).saturating_add(need.store));
        }
        match shortage_on(scratch, need.spool)? {
            Some(shortage) => Ok(Some(shortage)),
            None => shortage_on(store, need.slots.saturating_add(need.store)),
        }
    }
}

fn shortage_on(folder: &Path, needed: u64) -> io::Result<Option<Shortage>> {
    let Room { free, total } = room_on(folder)?;
    Ok((needed > free).then_some(Shortage { needed, free, total }))
}

fn room_on(folder: &Path) -> io::Result<Room> {
    let disk = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Ok(Room { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
}
