//! Sixteen counts in a vector of AVX2.

use std::arch::x86_64::*;

use super::square::{BinCounts, Bins, all_channels};
use crate::operation::engine::frame::Frame;

/// The medians of the squares of a frame's radius.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn medians(frame: &Frame<'_, u8>) -> Vec<u8> {
    all_channels::<Sixteen>(frame)
}

/// Counts as a vector. There is one only inside [`medians`], whose caller promised AVX2.
#[derive(Clone, Copy)]
struct Sixteen(__m256i);

impl BinCounts for Sixteen {
    #[inline(always)]
    fn of(bins: &Bins) -> Self {
        // SAFETY: AVX2, as said above; bins are a vector, and aligned as one.
        unsafe { Self(_mm256_load_si256(bins.0.as_ptr().cast())) }
    }

    #[inline(always)]
    fn plus(self, bins: &Bins) -> Self {
        // SAFETY: AVX2.
        unsafe { Self(_mm256_add_epi16(self.0, Self::of(bins).0)) }
    }

    #[inline(always)]
    fn minus(self, bins: &Bins) -> Self {
        // SAFETY: AVX2.
        unsafe { Self(_mm256_sub_epi16(self.0, Self::of(bins).0)) }
    }

    /// By the sums up to and with each bin; `below` is at most half of the largest square.
    #[inline(always)]
    fn bin_of(self, below: u16) -> (usize, u16) {
        let mut before = Bins::default();
        // SAFETY: AVX2; bins are a vector, and aligned as one.
        let bin = unsafe {
            let sums = _mm256_add_epi16(self.0, _mm256_slli_si256(self.0, 2));
            let sums = _mm256_add_epi16(sums, _mm256_slli_si256(sums, 4));
            let sums = _mm256_add_epi16(sums, _mm256_slli_si256(sums, 8));
            // So far each half for itself: to the upper comes what the lower has in all.
            let lower = _mm256_permute2x128_si256(sums, sums, 0x08);
            let sums = _mm256_add_epi16(sums, _mm256_shuffle_epi8(lower, _mm256_set1_epi16(15 << 8 | 14)));
            _mm256_store_si256(before.0.as_mut_ptr().cast(), _mm256_sub_epi16(sums, self.0));
            let above = _mm256_cmpeq_epi16(_mm256_max_epu16(sums, _mm256_set1_epi16(below as i16 + 1)), sums);
            (_mm256_movemask_epi8(above).trailing_zeros() / 2).min(15) as usize
        };
        (bin, before.0[bin])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Cpu;

    #[target_feature(enable = "avx2")]
    fn bin_of(bins: &Bins, below: u16) -> (usize, u16) {
        Sixteen::of(bins).bin_of(below)
    }

    #[test]
    fn the_bin_of_a_sample_is_found_as_without_vectors() {
        if Cpu::detect() != Cpu::Avx2 {
            return;
        }
        for seed in 0..500u32 {
            let bins = Bins(std::array::from_fn(|at| {
                let mixed = (seed * 31 + at as u32).wrapping_mul(2_654_435_761) >> 16;
                if mixed.is_multiple_of(3) { 0 } else { (mixed % 4000) as u16 }
            }));
            let all: u16 = bins.0.iter().sum();
            for below in [0, 1, all / 3, all / 2].into_iter().filter(|below| *below < all.min(32512)) {
                // SAFETY: this processor has AVX2, as just asked.
                assert_eq!(unsafe { bin_of(&bins, below) }, bins.bin_of(below), "{seed}: {below}");
            }
        }
        let one = Bins(std::array::from_fn(|at| if at == 9 { 65025 } else { 0 }));
        // SAFETY: as above.
        assert_eq!(unsafe { bin_of(&one, 32512) }, (9, 0));
    }
}
