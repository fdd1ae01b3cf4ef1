//! How what was measured of a whole picture travels: words of partial results, and limits.
//!
//! Owns the bytes that records and slots carry. The contract is [`Statistic`](super::Statistic), the arithmetic is
//! in each operation's file.

/// Bytes of a word of a partial result.
pub const WORD_BYTES: usize = 8;
/// The most numbers that a statistic resolves to: a table of all 8-bit samples.
pub const MAX_NUMBERS: usize = 256;

/// The bytes of a partial result, as records and slots carry it: words of 8 bytes, low byte first.
pub fn to_bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The words of a partial result; bytes beyond the last whole word are not looked at.
pub fn from_bytes(bytes: &[u8]) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}
