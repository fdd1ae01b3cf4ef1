//! The slots of one stage: a file with one place for each tile, or one tile in memory.
//!
//! Owns where they are: in this stitcher's spool, in the job's folder in the store, where workers write them and any
//! stitcher may read them, or in memory. Decides nothing about bad slots.

use std::fs::OpenOptions;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use parking_lot::RwLock;
use tessera::pipeline::Aside;
use tessera::slots::{SlotError, SlotFile, SlotOwner};

/// The places of a stage's tiles.
#[derive(Debug)]
pub struct Slots {
    owner: SlotOwner,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File {
        path: PathBuf,
        largest: usize,
        /// Where files without a name are made.
        beside: PathBuf,
        is_shared: bool,
    },
    Memory(RwLock<Option<Vec<u8>>>),
}

/// Slots opened for a number of reads or writes.
#[derive(Debug)]
pub struct OpenSlots<'a> {
    slots: &'a Slots,
    file: Option<SlotFile>,
}

impl Slots {
    /// Slots in the file at `path` in a folder of this stitcher's, for pixels of at most `largest` bytes a tile.
    pub fn in_file(owner: SlotOwner, path: PathBuf, largest: usize) -> Self {
        let beside = path.parent().unwrap_or(Path::new(".")).to_owned();
        Self { owner, place: Place::File { path, largest, beside, is_shared: false } }
    }

    /// The stage's slots in the store, at `path`; what only this stitcher needs is kept in `beside`.
    pub fn shared(owner: SlotOwner, path: PathBuf, largest: usize, beside: PathBuf) -> Self {
        Self { owner, place: Place::File { path, largest, beside, is_shared: true } }
    }

    /// The slot of a stage of one tile, in memory.
    pub fn in_memory(owner: SlotOwner) -> Self {
        Self { owner, place: Place::Memory(RwLock::new(None)) }
    }

    /// Bytes of pixels that are held in memory.
    pub fn memory_bytes(&self) -> usize {
        match &self.place {
            Place::File { .. } => 0,
            Place::Memory(pixels) => pixels.read().as_ref().map_or(0, Vec::len),
        }
    }

    /// Whether the slots are in memory.
    pub fn are_in_memory(&self) -> bool {
        matches!(self.place, Place::Memory(_))
    }

    /// Whether they are those of the store, into which workers write.
    pub fn are_shared(&self) -> bool {
        matches!(self.place, Place::File { is_shared: true, .. })
    }

    /// A file without a name for what is noted while the tiles are put together; in memory if they are.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn aside(&self) -> io::Result<Box<dyn Aside>> {
        match &self.place {
            Place::File { beside, .. } => Ok(Box::new(tempfile::tempfile_in(beside)?)),
            Place::Memory(_) => Ok(Box::new(Cursor::new(Vec::new()))),
        }
    }

    /// Opens the slots, whose file was made before.
    ///
    /// # Errors
    /// If the file is gone or cannot be opened.
    pub fn open(&self) -> io::Result<OpenSlots<'_>> {
        let file = match &self.place {
            Place::File { path, largest, .. } => {
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                Some(SlotFile::new(self.owner, *largest, file))
            }
            Place::Memory(_) => None,
        };
        Ok(OpenSlots { slots: self, file })
    }
}

impl OpenSlots<'_> {
    /// Puts the pixels of tile `index` into its slot.
    ///
    /// # Errors
    /// If the file does not take them, or they are longer than a slot.
    pub fn write(&self, index: u32, pixels: Vec<u8>, pixels_crc32c: u32) -> io::Result<()> {
        match (&self.slots.place, &self.file) {
            (Place::Memory(place), _) => *place.write() = Some(pixels),
            (Place::File { .. }, Some(file)) => file.write(index, index, &pixels, pixels_crc32c)?,
            (Place::File { .. }, None) => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    /// The checksum of the pixels that the slot of tile `index` says it holds.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if it holds none.
    pub fn stored_crc32c(&self, index: u32) -> Result<u32, SlotError> {
        match (&self.slots.place, &self.file) {
            (Place::Memory(place), _) => place.read().as_deref().map(crc32c::crc32c).ok_or(SlotError::Bad { index }),
            (Place::File { .. }, Some(file)) => file.header(index, index).map(|header| header.pixels_crc32c),
            (Place::File { .. }, None) => Err(SlotError::Bad { index }),
        }
    }

    /// Reads and verifies the pixels of tile `index`, which have to be `pixels.len()` bytes.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if the slot does not hold just these.
    pub fn read(&self, index: u32, pixels: &mut [u8]) -> Result<(), SlotError> {
        match (&self.slots.place, &self.file) {
            (Place::Memory(place), _) => {
                let place = place.read();
                let held = place.as_deref().filter(|held| held.len() == pixels.len());
                pixels.copy_from_slice(held.ok_or(SlotError::Bad { index })?);
                Ok(())
            }
            (Place::File { .. }, Some(file)) => file.read(index, index, pixels).map(drop),
            (Place::File { .. }, None) => Err(SlotError::Bad { index }),
        }
    }

    /// Reads a part of the pixels of tile `index`, from byte `offset` of them, without verifying them.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if the slot ends before.
    pub fn read_part(&self, index: u32, offset: usize, part: &mut [u8]) -> Result<(), SlotError> {
        match (&self.slots.place, &self.file) {
            (Place::Memory(place), _) => {
                let place = place.read();
                let held = place.as_deref().and_then(|held| held.get(offset..offset.checked_add(part.len())?));
                part.copy_from_slice(held.ok_or(SlotError::Bad { index })?);
                Ok(())
            }
            (Place::File { .. }, Some(file)) => file.read_part(index, index, offset, part),
            (Place::File { .. }, None) => Err(SlotError::Bad { index }),
        }
    }
}
