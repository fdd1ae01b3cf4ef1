//! The coded bytes of a JPEG up to a marker, and their codes, read bit by bit. Source: ITU-T T.81, annexes C and F.2.2.3.

use std::fmt;
use std::io::{self, Read};

/// Bits of the longest code.
const LONGEST: usize = 16;

/// A table of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// For each length the first code, how many there are, and where their values begin.
    lengths: [(u32, u32, usize); LONGEST],
    values: Vec<u8>,
}

impl Table {
    /// Reads a table and gives what stands behind it.
    pub(super) fn parse(segment: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = segment.split_first_chunk::<LONGEST>()?;
        let all = counts.iter().map(|count| usize::from(*count)).sum();
        let (values, rest) = rest.split_at_checked(all)?;
        let (mut code, mut at) = (0, 0);
        let lengths = counts.map(|count| {
            let of_length = (code, u32::from(count), at);
            code = (code + u32::from(count)) << 1;
            at += usize::from(count);
            of_length
        });
        Some((Self { lengths, values: values.to_vec() }, rest))
    }

    /// The value of the next code.
    pub(super) fn next(&self, bits: &mut Bits<'_, impl Iterator<Item = u8>>) -> Option<u8> {
        let mut code = 0;
        for (first, count, at) in self.lengths {
            code = code << 1 | bits.next()?;
            if let Some(index) = code.checked_sub(first).filter(|index| *index < count) {
                return self.values.get(at + index as usize).copied();
            }
        }
        None
    }
}

/// Bits of bytes, the highest first.
pub(super) struct Bits<'a, I> {
    bytes: &'a mut I,
    byte: u8,
    left: u8,
}

impl<'a, I: Iterator<Item = u8>> Bits<'a, I> {
    pub(super) fn new(bytes: &'a mut I) -> Self {
        Self { bytes, byte: 0, left: 0 }
    }

    /// Goes on in these bytes with the bits that were left of the last.
    pub(super) fn after(bytes: &'a mut I, (byte, left): (u8, u8)) -> Self {
        Self { bytes, byte, left }
    }

    /// The byte in hand and how many of its bits are left.
    pub(super) fn rest(&self) -> (u8, u8) {
        (self.byte, self.left)
    }

    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            (self.byte, self.left) = (self.bytes.next()?, 8);
        }
        self.left -= 1;
        Some(u32::from(self.byte >> self.left & 1))
    }

    /// Skips so many bits.
    pub(super) fn skip(&mut self, count: u8) -> Option<()> {
        (0..count).try_for_each(|_| self.next().map(drop))
    }

    /// The number that so many bits are, 16 at most.
    pub(super) fn number(&mut self, count: u8) -> Option<u32> {
        (0..count).try_fold(0, |number, _| Some(number << 1 | self.next()?))
    }

    /// Whether the bits that are left of the byte in hand are ones: what fills the last byte of coded data.
    pub(super) fn rest_is_ones(&self) -> bool {
        let ones = (1u16 << self.left) - 1;
        u16::from(self.byte) & ones == ones
    }
}

impl<I: ExactSizeIterator<Item = u8>> Bits<'_, I> {
    /// Whether nothing but filling is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.bytes.len() == 0 && self.rest_is_ones()
    }
}

impl<I> fmt::Debug for Bits<'_, I> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bits").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Coded bytes up to a marker, stuffing taken out.
pub(super) struct Coded<'a, R> {
    input: &'a mut R,
    /// The marker that was met.
    pub(super) met: Option<u8>,
    /// Why reading ended sooner.
    pub(super) failed: Option<io::Error>,
}

impl<'a, R: Read> Coded<'a, R> {
    pub(super) fn new(input: &'a mut R) -> Self {
        Self { input, met: None, failed: None }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        if byte != [0xFF] {
            return Ok(Some(byte[0]));
        }
        while byte == [0xFF] {
            self.input.read_exact(&mut byte)?;
        }
        if byte == [0] {
            return Ok(Some(0xFF));
        }
        self.met = Some(byte[0]);
        Ok(None)
    }
}

impl<R: Read> Iterator for Coded<'_, R> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.met.is_some() || self.failed.is_some() {
            return None;
        }
        self.byte().unwrap_or_else(|error| {
            self.failed = Some(error);
            None
        })
    }
}
