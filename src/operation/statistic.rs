//! What an operation has to know of the whole picture before it can change a tile.
//!
//! A statistic is measured on tiles without halo, the partial results are merged in any order, and the
//! total is resolved to a few numbers, with which the operation becomes a local one. Owns the contract
//! and how partial results travel; the arithmetic is in each operation's file.

use std::fmt;

use super::{Kernel, StepError};
use crate::picture::{PixelFormat, Pixels};

/// Bytes of a word of a partial result.
pub const WORD_BYTES: usize = 8;
/// The most numbers that a statistic resolves to: a table of all 8-bit samples.
pub const MAX_NUMBERS: usize = 256;

/// The global part of an operation of [`Kind::GlobalStatistic`](super::Kind::GlobalStatistic).
///
/// # Invariants
/// `merge` is associative and commutative, so that tiles may come in any order, and each partial result
/// has `length` words. Nothing here may panic for words or numbers that a peer made up.
pub trait Statistic: fmt::Debug {
    /// Words of a partial result for pixels of `format`; depends on nothing else.
    fn length(&self, format: PixelFormat) -> usize;

    /// The partial result of a tile without halo.
    ///
    /// # Errors
    /// If it does not take such pixels.
    fn measure(&self, pixels: &Pixels) -> Result<Vec<u64>, StepError>;

    /// Adds a partial result to a total of the same length. The first total is a copy of a partial result.
    fn merge(&self, total: &mut [u64], partial: &[u64]);

    /// The numbers of the whole picture, at most [`MAX_NUMBERS`], each within ±10⁶ or so: they travel as text.
    fn resolve(&self, format: PixelFormat, total: &[u64]) -> Vec<i64>;

    /// The local kernel with these numbers.
    ///
    /// # Errors
    /// If they are not such numbers.
    fn bind(&self, numbers: &[i64]) -> Result<Box<dyn Kernel>, StepError>;
}

/// The bytes of a partial result, as records and slots carry it: words of 8 bytes, low byte first.
pub fn to_bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The words of a partial result; bytes beyond the last whole word are not looked at.
pub fn from_bytes(bytes: &[u8]) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}
