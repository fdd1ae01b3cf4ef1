//! Blocks of a progressive scan that has other coefficients than the first. Source: ITU-T T.81, G.1.2.2 and G.1.2.3.
//!
//! Owns that they are held against what encoders write: blocks without anything new are counted in runs, which are as long
//! as they can be, and end with the data. After a changed bit what follows is hardly ever so for long.

use super::huffman::{Bits, Table};

/// Blocks of the longest run.
const LONGEST_RUN: u32 = 0x7FFF;
/// An encoder ends a run sooner once it has so many bits to add to known coefficients: libjpeg at 938.
const MANY_BITS: u32 = 900;

/// The coefficients of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) first: u8,
    pub(super) last: u8,
    /// One more bit of known ones, and ones that were zero so far.
    pub(super) refines: bool,
}

/// Reads the blocks of a restart interval.
#[derive(Debug)]
pub(super) struct Runs<'a> {
    band: Band,
    table: &'a Table,
    /// Blocks without anything new that are to come.
    left: u32,
    /// Bits that were added in this run.
    added: u32,
    /// This run cannot be longer.
    is_longest: bool,
    /// A run that could have been longer ended with the last block.
    has_ended: bool,
}

impl<'a> Runs<'a> {
    pub(super) fn new(band: Band, table: &'a Table) -> Self {
        Self { band, table, left: 0, added: 0, is_longest: false, has_ended: false }
    }

    /// Whether the last run ended with the last block.
    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// Skips what is left of a run.
    pub(super) fn skip(&mut self) {
        if std::mem::take(&mut self.left) > 0 {
            self.has_ended = !self.is_longest;
        }
    }

    /// Reads a block and notes which coefficients are not zero.
    pub(super) fn block(&mut self, bits: &mut Bits<'_, impl Iterator<Item = u8>>, known: &mut u64) -> Option<()> {
        let mut at = self.band.first;
        if self.left == 0 {
            at = self.coefficients(bits, known)?;
        }
        if self.left > 0 {
            while at <= self.band.last {
                self.add_bit(bits, *known, at)?;
                at += 1;
            }
            self.left -= 1;
            self.has_ended = self.left == 0 && self.added <= MANY_BITS && !self.is_longest;
        }
        Some(())
    }

    /// Reads up to the end of the block or the run that it begins, and gives the place.
    fn coefficients(&mut self, bits: &mut Bits<'_, impl Iterator<Item = u8>>, known: &mut u64) -> Option<u8> {
        let could_go_on = std::mem::take(&mut self.has_ended);
        let (mut at, mut follows_zeros) = (self.band.first, false);
        while at <= self.band.last {
            let symbol = self.table.next(bits)?;
            let (zeros, length) = (symbol >> 4, symbol & 15);
            if length == 0 && zeros < 15 {
                if follows_zeros || could_go_on && at == self.band.first {
                    return None;
                }
                self.left = (1 << zeros) + bits.number(zeros)?;
                (self.added, self.is_longest) = (0, self.left == LONGEST_RUN);
                return Some(at);
            }
            if length > 1 && self.band.refines {
                return None;
            }
            bits.skip(length)?;
            at = self.skip_zeros(bits, *known, at, zeros)?;
            follows_zeros = length == 0;
            if !follows_zeros {
                *known |= 1 << at;
            }
            at += 1;
        }
        Some(at)
    }

    /// Goes over so many zeros to the one that is meant.
    fn skip_zeros(
        &mut self,
        bits: &mut Bits<'_, impl Iterator<Item = u8>>,
        known: u64,
        mut at: u8,
        mut zeros: u8,
    ) -> Option<u8> {
        loop {
            if at > self.band.last {
                return None;
            }
            if !self.add_bit(bits, known, at)? {
                if zeros == 0 {
                    return Some(at);
                }
                zeros -= 1;
            }
            at += 1;
        }
    }

    /// Reads the bit that a known coefficient gets; `false` for one that is zero.
    fn add_bit(&mut self, bits: &mut Bits<'_, impl Iterator<Item = u8>>, known: u64, at: u8) -> Option<bool> {
        let is_known = self.band.refines && known >> at & 1 == 1;
        if is_known {
            bits.skip(1)?;
            self.added += 1;
        }
        Some(is_known)
    }
}
