//! A file of slots: written with `pwrite`, read with `pread`, never mapped and never synced.
//!
//! Owns reading and writing at a slot's place. A killed process loses nothing that the page cache has; what a power cut
//! takes, or another writer overwrites while it is read, is found by the checksum. Decides nothing about bad slots.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::header::{HEADER_BYTES, SlotHeader, SlotOwner};

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

/// An open file of slots.
#[derive(Debug)]
pub struct SlotFile {
    owner: SlotOwner,
    slot_bytes: u64,
    file: File,
}

impl SlotFile {
    /// The slots of `owner` in `file`, for pixels of at most `largest` bytes a tile.
    pub fn new(owner: SlotOwner, largest: usize, file: File) -> Self {
        Self { owner, slot_bytes: super::slot_bytes(largest), file }
    }

    /// Puts the pixels of tile `index` into `slot`. The header comes last: where it is whole, so are its pixels, unless
    /// power was cut or another tile is being written.
    ///
    /// # Errors
    /// If the file does not take them, or they are longer than a slot.
    pub fn write(&self, slot: u32, index: u32, pixels: &[u8], pixels_crc32c: u32) -> io::Result<()> {
        if HEADER_BYTES as u64 + pixels.len() as u64 > self.slot_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the tile is larger than its slot"));
        }
        let at = self.at(slot);
        self.file.write_all_at(pixels, at.saturating_add(HEADER_BYTES as u64))?;
        self.file.write_all_at(&self.owner.header(index, SlotHeader::of(pixels, pixels_crc32c)), at)
    }

    /// What `slot` says of the pixels of tile `index`, unverified.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if it holds another tile, or none.
    pub fn header(&self, slot: u32, index: u32) -> Result<SlotHeader, SlotError> {
        let header = self.header_bytes(slot, index)?;
        self.owner.read(index, &header).ok_or(SlotError::Bad { index })
    }

    /// The tile that `slot` says it holds; `None` if it holds none of this owner's, or cannot be read.
    pub fn tile_in(&self, slot: u32) -> Option<u32> {
        let header = self.header_bytes(slot, 0).ok()?;
        self.owner.tile_of(&header).map(|(index, _)| index)
    }

    /// How many slots the file has, the last perhaps not whole.
    ///
    /// # Errors
    /// If the file cannot be asked.
    pub fn slots(&self) -> io::Result<u32> {
        let slots = self.file.metadata()?.len().div_ceil(self.slot_bytes);
        Ok(u32::try_from(slots).unwrap_or(u32::MAX))
    }

    /// Reads and verifies the pixels of tile `index`, which have to be `pixels.len()` bytes; gives their checksum.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if the slot does not hold just these.
    pub fn read(&self, slot: u32, index: u32, pixels: &mut [u8]) -> Result<u32, SlotError> {
        let header = self.header(slot, index)?;
        if header.length as usize != pixels.len() {
            return Err(SlotError::Bad { index });
        }
        self.read_part(slot, index, 0, pixels)?;
        if header.agrees(pixels) { Ok(header.pixels_crc32c) } else { Err(SlotError::Bad { index }) }
    }

    /// Reads a part of the pixels of tile `index`, from byte `offset` of them, without verifying them.
    ///
    /// # Errors
    /// [`SlotError::Bad`] if the file ends before.
    pub fn read_part(&self, slot: u32, index: u32, offset: usize, part: &mut [u8]) -> Result<(), SlotError> {
        self.read_exactly(index, self.at(slot).saturating_add((HEADER_BYTES + offset) as u64), part)
    }

    /// Where a slot begins. Its number may be a peer's: what lies behind the file's end is not there.
    fn at(&self, slot: u32) -> u64 {
        u64::from(slot).saturating_mul(self.slot_bytes)
    }

    fn header_bytes(&self, slot: u32, index: u32) -> Result<[u8; HEADER_BYTES], SlotError> {
        let mut header = [0; HEADER_BYTES];
        self.read_exactly(index, self.at(slot), &mut header)?;
        Ok(header)
    }

    fn read_exactly(&self, index: u32, at: u64, into: &mut [u8]) -> Result<(), SlotError> {
        self.file.read_exact_at(into, at).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => SlotError::Bad { index },
            _ => SlotError::Spool { index, source },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::job::JobId;

    fn owner() -> SlotOwner {
        SlotOwner { job: JobId::random(), stage: 0, plan: "00112233445566aa".parse().unwrap() }
    }

    fn slots(owner: SlotOwner) -> SlotFile {
        SlotFile::new(owner, 5000, tempfile::tempfile().unwrap())
    }

    fn put(slots: &SlotFile, slot: u32, index: u32, pixels: &[u8]) {
        slots.write(slot, index, pixels, crc32c::crc32c(pixels)).unwrap();
    }

    fn is_bad<T>(read: Result<T, SlotError>) -> bool {
        matches!(read, Err(SlotError::Bad { .. }))
    }

    #[test]
    fn a_slot_gives_back_just_its_tile() {
        let slots = slots(owner());
        put(&slots, 3, 77, &[7; 5000]);
        let mut pixels = vec![0; 5000];
        assert_eq!(slots.read(3, 77, &mut pixels).unwrap(), crc32c::crc32c(&[7; 5000]));
        assert_eq!(pixels, [7; 5000]);
        assert_eq!((slots.tile_in(3), slots.tile_in(2), slots.slots().unwrap()), (Some(77), None, 4));
        assert!(is_bad(slots.read(3, 76, &mut pixels)) && is_bad(slots.read(2, 77, &mut pixels)));
        assert!(is_bad(slots.read(3, 77, &mut pixels[1..])) && is_bad(slots.read(u32::MAX, 77, &mut pixels)));
        assert!(slots.write(0, 0, &[0; 9000], 0).is_err());
    }

    #[test]
    fn a_slot_that_is_used_again_no_longer_holds_the_first_tile() {
        let slots = slots(owner());
        put(&slots, 0, 1, &[1; 5000]);
        put(&slots, 0, 9, &[9; 4000]);
        assert!(is_bad(slots.read(0, 1, &mut [0; 5000])));
        assert!(slots.read(0, 9, &mut [0; 4000]).is_ok());
        assert_eq!(slots.tile_in(0), Some(9));
    }

    #[test]
    fn what_is_cut_off_or_flipped_is_bad() {
        let owner = owner();
        let slots = slots(owner);
        put(&slots, 0, 0, &[5; 5000]);
        slots.file.write_all_at(&[4], 3000).unwrap();
        assert!(is_bad(slots.read(0, 0, &mut [0; 5000])));
        assert!(slots.header(0, 0).is_ok(), "only its pixels are another's");
        put(&slots, 0, 0, &[5; 5000]);
        slots.file.set_len(5000).unwrap();
        assert!(is_bad(slots.read(0, 0, &mut [0; 5000])));
        slots.file.set_len(10).unwrap();
        assert!(is_bad(slots.header(0, 0)));
        slots.file.set_len(0).unwrap();
        assert!(is_bad(slots.read(0, 0, &mut [0; 5000])));
    }

    /// A read while another tile takes the slot's place gives one tile or the other, or says that the slot is bad.
    #[test]
    fn a_read_that_is_overtaken_by_a_write_never_gives_a_mixture() {
        let slots = slots(owner());
        let tiles = [vec![1; 5000], vec![2; 5000]];
        put(&slots, 0, 0, &tiles[0]);
        let over = AtomicBool::new(false);
        let (mut whole, mut bad) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..2000 {
                    put(&slots, 0, round % 2, &tiles[round as usize % 2]);
                }
                over.store(true, Ordering::Relaxed);
            });
            let mut pixels = vec![0; 5000];
            while !over.load(Ordering::Relaxed) || whole == 0 {
                for index in 0..2 {
                    match slots.read(0, index, &mut pixels) {
                        Ok(_) => {
                            assert_eq!(pixels, tiles[index as usize]);
                            whole += 1;
                        }
                        Err(_) => bad += 1,
                    }
                }
            }
        });
        assert!(whole > 0 && bad > 0, "{whole} whole, {bad} bad");
    }
}
