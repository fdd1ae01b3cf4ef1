//! The slots of one stage: a file with one place for each tile, or one tile in memory.
//!
//! Owns reading and writing at a slot's place. Written with `pwrite` and read back with `pread`, never
//! mapped and never synced: a killed process loses nothing that the page cache has, and what a power
//! cut takes is found by the checksum. Decides nothing about bad slots.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use parking_lot::RwLock;
use tessera::pipeline::Aside;

use super::slot::{HEADER_BYTES, SlotHeader, SlotOwner, slot_bytes};

/// Why a tile could not be read from its slot.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// The slot does not hold the tile: it has to be sent again.
    #[error("reading the slot of tile {index}: it does not hold the tile")]
    Bad {
        /// Which tile.
        index: u32,
    },
    /// The file cannot be read.
    #[error("reading the slot of tile {index}")]
    Spool {
        /// Which tile.
        index: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The places of a stage's tiles.
#[derive(Debug)]
pub struct Slots {
    owner: SlotOwner,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File { path: PathBuf, slot_bytes: u64 },
    StitcherMemory(RwLock<Option<Vec<u8>>>),
}

/// Slots opened for a number of reads or writes.
#[derive(Debug)]
pub struct OpenSlots<'a> {
    slots: &'a Slots,
    file: Option<File>,
}

impl Slots {
    /// Slots in the file at `path`, for pixels of at most `largest` bytes a tile.
    pub fn in_file(owner: SlotOwner, path: PathBuf, largest: usize) -> Self {
        Self { owner, place: Place::File { path, slot_bytes: slot_bytes(largest) } }
    }

    /// The slot of a stage of one tile, in memory.
    pub fn in_memory(owner: SlotOwner) -> Self {
        Self { owner, place: Place::StitcherMemory(RwLock::new(None)) }
    }

    /// Bytes of pixels that are held in memory.
    pub fn memory_bytes(&self) -> usize {
        match &self.place {
            Place::File { .. } => 0,
            Place::StitcherMemory(pixels) => pixels.read().as_ref().map_or(0, Vec::len),
        }
    }

    /// Whether the slots are in memory.
    pub fn are_in_memory(&self) -> bool {
        matches!(self.place, Place::StitcherMemory(_))
    }

    /// A file without a name for what is noted while the tiles are put together; in memory if they are.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn aside(&self) -> io::Result<Box<dyn Aside>> {
        match &self.place {
            Place::File { path, .. } => {
                let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(tempfile::tempfile_in(folder)?))
            }
            Place::StitcherMemory(_) => Ok(Box::new(Cursor::new(Vec::new()))),
        }
    }

    /// Opens the slots, which [`super::Spool::claim`] made.
    ///
    /// # Errors
    /// If the file is gone or cannot be opened.
    pub fn open(&self) -> io::Result<OpenSlots<'_>> {
        let file = match &self.place {
            Place::File { path, .. } => Some(OpenOptions::new().read(true).write(true).open(path)?),
            Place::StitcherMemory(_) => None,
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
        let (file, at) = match (&self.slots.place, &self.file) {
            (Place::File { slot_bytes, .. }, Some(file)) => {
                if HEADER_BYTES as u64 + pixels.len() as u64 > *slot_bytes {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "the tile is larger than its slot"));
                }
                (file, u64::from(index) * slot_bytes)
            }
            (Place::StitcherMemory(place), _) => {
                *place.write() = Some(pixels);
                return Ok(());
            }
            (Place::File { .. }, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        let header = self.slots.owner.header(index, SlotHeader::of(&pixels, pixels_crc32c));
        file.write_all_at(&header, at)?;
        file.write_all_at(&pixels, at + HEADER_BYTES as u64)
    }

    /// The checksum of the pixels that the slot of tile `index` says it holds.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if it holds none.
    pub fn stored_crc32c(&self, index: u32) -> Result<u32, SlotError> {
        match (&self.slots.place, &self.file) {
            (Place::StitcherMemory(place), _) => {
                place.read().as_deref().map(crc32c::crc32c).ok_or(SlotError::Bad { index })
            }
            _ => self.header(index).map(|header| header.pixels_crc32c),
        }
    }

    /// Reads and verifies the pixels of tile `index`, which have to be `pixels.len()` bytes.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if the slot does not hold just these.
    pub fn read(&self, index: u32, pixels: &mut [u8]) -> Result<(), SlotError> {
        if let Place::StitcherMemory(place) = &self.slots.place {
            let place = place.read();
            let held = place.as_deref().filter(|held| held.len() == pixels.len());
            pixels.copy_from_slice(held.ok_or(SlotError::Bad { index })?);
            return Ok(());
        }
        let header = self.header(index)?;
        if header.length as usize != pixels.len() {
            return Err(SlotError::Bad { index });
        }
        self.read_part(index, 0, pixels)?;
        if header.agrees(pixels) { Ok(()) } else { Err(SlotError::Bad { index }) }
    }

    /// Reads a part of the pixels of tile `index`, from byte `offset` of them, without verifying them.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if the slot ends before.
    pub fn read_part(&self, index: u32, offset: usize, part: &mut [u8]) -> Result<(), SlotError> {
        match (&self.slots.place, &self.file) {
            (Place::StitcherMemory(place), _) => {
                let place = place.read();
                let held = place.as_deref().and_then(|held| held.get(offset..offset.checked_add(part.len())?));
                part.copy_from_slice(held.ok_or(SlotError::Bad { index })?);
                Ok(())
            }
            (Place::File { .. }, None) => Err(SlotError::Bad { index }),
            (Place::File { slot_bytes, .. }, Some(file)) => {
                let at = u64::from(index) * slot_bytes + (HEADER_BYTES + offset) as u64;
                read_exactly(file, index, at, part)
            }
        }
    }

    fn header(&self, index: u32) -> Result<SlotHeader, SlotError> {
        let (Place::File { slot_bytes, .. }, Some(file)) = (&self.slots.place, &self.file) else {
            return Err(SlotError::Bad { index });
        };
        let mut header = [0; HEADER_BYTES];
        read_exactly(file, index, u64::from(index) * slot_bytes, &mut header)?;
        self.slots.owner.read(index, &header).ok_or(SlotError::Bad { index })
    }
}

fn read_exactly(file: &File, index: u32, at: u64, into: &mut [u8]) -> Result<(), SlotError> {
    file.read_exact_at(into, at).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => SlotError::Bad { index },
        _ => SlotError::Spool { index, source },
    })
}
