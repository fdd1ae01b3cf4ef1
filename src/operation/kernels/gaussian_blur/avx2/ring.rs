//! The first pass: rows in pairs, and the sums of their columns.

use std::arch::x86_64::*;

use super::{BLOCK, PairedTaps};

/// The last pairs of rows, interleaved: bytes of a pair's rows take turns within each half of a vector.
///
/// For each block of columns all pairs lie together, in the order they were pushed modulo their number:
/// rather than the pairs, the taps are turned round.
pub(super) struct Ring {
    bytes: Vec<u8>,
    /// Samples of a row.
    len: usize,
    pairs: usize,
    /// Where the oldest pair is, and the next will be.
    oldest: usize,
}

impl Ring {
    pub(super) fn new(len: usize, pairs: usize) -> Self {
        Self { bytes: vec![0; 2 * len.next_multiple_of(BLOCK) * pairs], len, pairs, oldest: 0 }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn push(&mut self, (first, second): (&[u8], &[u8])) {
        assert!(first.len() == self.len && second.len() == self.len);
        let (mut whole_first, mut whole_second) = ([0; BLOCK], [0; BLOCK]);
        for (at, block) in self.bytes.chunks_exact_mut(2 * BLOCK * self.pairs).enumerate() {
            let target = block[2 * BLOCK * self.oldest..][..2 * BLOCK].as_mut_ptr();
            let end = self.len.min((at + 1) * BLOCK);
            let (mut first, mut second) = (&first[at * BLOCK..end], &second[at * BLOCK..end]);
            if first.len() < BLOCK {
                whole_first[..first.len()].copy_from_slice(first);
                whole_second[..second.len()].copy_from_slice(second);
                (first, second) = (&whole_first, &whole_second);
            }
            // SAFETY: both sources have BLOCK bytes, the target twice as many.
            unsafe {
                let first = _mm256_loadu_si256(first.as_ptr().cast());
                let second = _mm256_loadu_si256(second.as_ptr().cast());
                _mm256_storeu_si256(target.cast(), _mm256_unpacklo_epi8(first, second));
                _mm256_storeu_si256(target.add(BLOCK).cast(), _mm256_unpackhi_epi8(first, second));
            }
        }
        self.oldest = (self.oldest + 1) % self.pairs;
    }

    /// The weighted sums of the columns for two rows of results; writes whole blocks.
    #[target_feature(enable = "avx2")]
    pub(super) fn sum(&self, taps: &PairedTaps, upper: &mut [u16], lower: &mut [u16]) {
        let taps = &taps.columns[self.pairs - self.oldest..][..self.pairs];
        let blocks = self.bytes.chunks_exact(2 * BLOCK * self.pairs);
        let targets = upper.chunks_exact_mut(BLOCK).zip(lower.chunks_exact_mut(BLOCK));
        for (block, (upper, lower)) in blocks.zip(targets) {
            let mut sums = [_mm256_setzero_si256(); 4];
            for (pair, [upper, lower]) in block.chunks_exact(2 * BLOCK).zip(taps) {
                let (upper, lower) = (_mm256_set1_epi32(*upper), _mm256_set1_epi32(*lower));
                // SAFETY: a pair has two vectors.
                let (low, high) = unsafe {
                    (_mm256_loadu_si256(pair.as_ptr().cast()), _mm256_loadu_si256(pair.as_ptr().add(BLOCK).cast()))
                };
                sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(low, upper));
                sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(high, upper));
                sums[2] = _mm256_add_epi16(sums[2], _mm256_maddubs_epi16(low, lower));
                sums[3] = _mm256_add_epi16(sums[3], _mm256_maddubs_epi16(high, lower));
            }
            store_in_order(sums[0], sums[1], upper);
            store_in_order(sums[2], sums[3], lower);
        }
    }
}

/// Puts the two halves of a block of sums in the order of their columns.
#[target_feature(enable = "avx2")]
#[inline]
fn store_in_order(low: __m256i, high: __m256i, target: &mut [u16]) {
    let target = target[..BLOCK].as_mut_ptr();
    // SAFETY: the target has BLOCK numbers, two vectors.
    unsafe {
        _mm256_storeu_si256(target.cast(), _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256(target.add(BLOCK / 2).cast(), _mm256_permute2x128_si256(low, high, 0x31));
    }
}
