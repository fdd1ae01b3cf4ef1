//! A slot's header: whose pixels are behind it.
//!
//! Owns the header's bytes and its checksum, which covers job, stage, index, plan and the pixels' checksum, so that a
//! slot that was never written, was cut off by a power cut or belongs to something else is found when
//! it is read. Knows no files.

use crate::job::{JobId, Token};
use crate::plan::PlanHash;

/// Bytes before the pixels.
pub(super) const HEADER_BYTES: usize = 80;
/// Slots begin at multiples of this, so that no two share a page of the cache.
const ALIGNMENT_BYTES: u64 = 4096;
const MAGIC: &[u8; 8] = b"TSRSLOT2";
/// What the checksum covers of the header: all before it.
const COVERED_BYTES: usize = 64;

/// Whose slots they are: the same for all slots of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotOwner {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: u32,
    /// The plan it was cut by.
    pub plan: PlanHash,
}

/// A header that could be read: what the pixels behind it have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotHeader {
    /// Bytes of the pixels.
    pub length: u32,
    /// CRC-32C of the pixels.
    pub pixels_crc32c: u32,
}

/// Distance from one slot to the next for pixels of at most `largest` bytes.
pub fn slot_bytes(largest: usize) -> u64 {
    (HEADER_BYTES as u64 + largest as u64).next_multiple_of(ALIGNMENT_BYTES)
}

impl SlotOwner {
    /// The name by which stitchers claim the slots that run `run` of the job has in the store: the same for all of them.
    pub fn claim_id(&self, run: u32) -> Token {
        let number = self.plan.as_u64() ^ (u64::from(run) << 32 | u64::from(self.stage));
        // Sixteen digits are a token always.
        format!("{number:016x}").parse().unwrap_or_else(|_| Token::random())
    }

    /// The header of tile `index`, whose pixels have this length and checksum.
    pub(super) fn header(&self, index: u32, of: SlotHeader) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..40].copy_from_slice(self.job.to_string().as_bytes());
        header[40..44].copy_from_slice(&self.stage.to_le_bytes());
        header[44..48].copy_from_slice(&index.to_le_bytes());
        header[48..56].copy_from_slice(&self.plan.as_u64().to_le_bytes());
        header[56..60].copy_from_slice(&of.length.to_le_bytes());
        header[60..64].copy_from_slice(&of.pixels_crc32c.to_le_bytes());
        // It covers the pixels by their own checksum: one over both in a row takes longer than that of the pixels.
        let checksum = crc32c::crc32c(&header[..COVERED_BYTES]);
        header[64..68].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// Whose slot it is: the tile of this owner that a header names, and what its pixels have to be; `None` if it is
    /// no header, or another owner's.
    pub(super) fn tile_of(&self, header: &[u8; HEADER_BYTES]) -> Option<(u32, SlotHeader)> {
        let index = u32::from_le_bytes(std::array::from_fn(|i| header[44 + i]));
        Some((index, self.read(index, header)?))
    }

    /// Reads the header of tile `index`; `None` if it is not one, or not this tile's.
    pub(super) fn read(&self, index: u32, header: &[u8; HEADER_BYTES]) -> Option<SlotHeader> {
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let found = SlotHeader { length: number(56), pixels_crc32c: number(60) };
        (self.header(index, found) == *header).then_some(found)
    }
}

impl SlotHeader {
    /// What `pixels` ask for.
    pub fn of(pixels: &[u8], pixels_crc32c: u32) -> Self {
        Self { length: u32::try_from(pixels.len()).unwrap_or(u32::MAX), pixels_crc32c }
    }

    /// Whether `pixels` are those that the header was written for.
    pub fn agrees(&self, pixels: &[u8]) -> bool {
        self.length as usize == pixels.len() && crc32c::crc32c(pixels) == self.pixels_crc32c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> SlotOwner {
        SlotOwner { job: JobId::random(), stage: 1, plan: "00112233445566aa".parse().unwrap() }
    }

    #[test]
    fn a_header_reads_back_only_for_its_own_tile() {
        let (owner, pixels) = (owner(), vec![7; 100]);
        let of = SlotHeader::of(&pixels, crc32c::crc32c(&pixels));
        let header = owner.header(3, of);
        assert_eq!(owner.read(3, &header), Some(of));
        assert_eq!(owner.tile_of(&header), Some((3, of)));
        assert!(of.agrees(&pixels) && !of.agrees(&pixels[1..]));
        assert_eq!(owner.read(4, &header), None);
        let others = [
            SlotOwner { job: JobId::random(), ..owner },
            SlotOwner { stage: 2, ..owner },
            SlotOwner { plan: "00112233445566ab".parse().unwrap(), ..owner },
        ];
        assert!(others.iter().all(|other| other.read(3, &header).is_none()));
        assert_eq!(owner.read(3, &[0; HEADER_BYTES]), None);
        assert_eq!(owner.tile_of(&[0; HEADER_BYTES]), None);
        assert!(others.iter().all(|other| other.tile_of(&header).is_none()));
    }

    #[test]
    fn a_claim_is_of_one_stage_of_one_run() {
        let owner = owner();
        assert_eq!(owner.claim_id(1), owner.claim_id(1));
        let other = SlotOwner { stage: 2, ..owner };
        assert!(owner.claim_id(1) != owner.claim_id(2) && owner.claim_id(1) != other.claim_id(1));
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let (owner, pixels) = (owner(), vec![7; 100]);
        let header = owner.header(0, SlotHeader::of(&pixels, crc32c::crc32c(&pixels)));
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = header;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(owner.read(0, &bad), None, "bit {bit}");
        }
    }

    #[test]
    fn any_flipped_bit_of_the_pixels_is_found() {
        let (owner, pixels) = (owner(), vec![7; 100]);
        let header = owner.header(0, SlotHeader::of(&pixels, crc32c::crc32c(&pixels)));
        let of = owner.read(0, &header).unwrap();
        for bit in 0..pixels.len() * 8 {
            let mut bad = pixels.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!of.agrees(&bad), "bit {bit}");
        }
    }

    #[test]
    fn slots_do_not_share_pages() {
        assert_eq!(slot_bytes(1), 4096);
        assert_eq!(slot_bytes(4096 - HEADER_BYTES), 4096);
        assert_eq!(slot_bytes(4097 - HEADER_BYTES), 8192);
    }
}
