//! The second pass: a row of column sums with its edges, and the sums along it.

use std::arch::x86_64::*;

use super::{BLOCK, PairedTaps, Strip};

/// Results of a turn.
const TURN: usize = 64;
/// What a column's sum is lessened by to be signed.
const SIGN: i16 = i16::MIN;

/// A row of column sums with its mirrored edges, and the same as signed pairs of neighbours.
pub(super) struct Line {
    pub(super) sums: Vec<u16>,
    /// For each sum, itself and the next of its channel.
    pairs: Vec<[i16; 2]>,
}

impl Line {
    pub(super) fn new(strip: &Strip, channels: usize) -> Self {
        // Whole turns are read and written: room for one beyond the end, and for the pairs' second halves.
        let len = strip.line_len() + TURN;
        Self { sums: vec![0; len + channels + BLOCK], pairs: vec![[0; 2]; len.next_multiple_of(BLOCK / 2)] }
    }

    /// Turns the column sums into a row of the result.
    #[target_feature(enable = "avx2")]
    pub(super) fn finish(&mut self, strip: &Strip, taps: &PairedTaps, channels: usize, out: &mut [u8]) {
        strip.mirror(&mut self.sums[..strip.line_len()]);
        self.pair_up(channels);
        self.sum(taps, channels, out);
    }

    #[target_feature(enable = "avx2")]
    fn pair_up(&mut self, channels: usize) {
        for (at, target) in self.pairs.chunks_exact_mut(BLOCK / 2).enumerate() {
            let place = at * BLOCK / 2;
            let (first, second) = (&self.sums[place..][..BLOCK / 2], &self.sums[place + channels..][..BLOCK / 2]);
            // SAFETY: the sources are a vector of 16 numbers each, the target is two.
            unsafe {
                let sign = _mm256_set1_epi16(SIGN);
                let first = _mm256_xor_si256(_mm256_loadu_si256(first.as_ptr().cast()), sign);
                let second = _mm256_xor_si256(_mm256_loadu_si256(second.as_ptr().cast()), sign);
                let low = _mm256_unpacklo_epi16(first, second);
                let high = _mm256_unpackhi_epi16(first, second);
                let target = target.as_mut_ptr().cast::<__m256i>();
                _mm256_storeu_si256(target, _mm256_permute2x128_si256(low, high, 0x20));
                _mm256_storeu_si256(target.add(1), _mm256_permute2x128_si256(low, high, 0x31));
            }
        }
    }

    /// The rounded weighted sums of a strip's row.
    #[target_feature(enable = "avx2")]
    fn sum(&self, taps: &PairedTaps, channels: usize, out: &mut [u8]) {
        let mut turns = out.chunks_exact_mut(TURN);
        let mut place = 0;
        for target in &mut turns {
            self.sum_turn(&taps.along, channels, place, target);
            place += TURN;
        }
        let rest = turns.into_remainder();
        let mut whole = [0; TURN];
        self.sum_turn(&taps.along, channels, place, &mut whole);
        rest.copy_from_slice(&whole[..rest.len()]);
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn sum_turn(&self, taps: &[i32], channels: usize, place: usize, target: &mut [u8]) {
        // Undoes what made the sums signed, and rounds half up.
        let mut sums = [_mm256_set1_epi32((1 << 23) + (1 << 15)); TURN / 8];
        assert!(self.pairs.len() >= place + (taps.len() - 1) * 2 * channels + TURN && target.len() == TURN);
        let mut source = self.pairs[place..].as_ptr();
        for tap in taps {
            let tap = _mm256_set1_epi32(*tap);
            for (at, sum) in sums.iter_mut().enumerate() {
                // SAFETY: for the last tap this reads up to the end asserted above, for others less.
                let pairs = unsafe { _mm256_loadu_si256(source.add(8 * at).cast()) };
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, tap));
            }
            source = source.wrapping_add(2 * channels);
        }
        for (sums, target) in sums.chunks_exact(4).zip(target.chunks_exact_mut(BLOCK)) {
            let shifted = |at: usize| _mm256_srli_epi32(sums[at], 16);
            let (first, second) =
                (_mm256_packus_epi32(shifted(0), shifted(1)), _mm256_packus_epi32(shifted(2), shifted(3)));
            let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            let bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), order);
            // SAFETY: the target is a vector of bytes.
            unsafe { _mm256_storeu_si256(target.as_mut_ptr().cast(), bytes) };
        }
    }
}
