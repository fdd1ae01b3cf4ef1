//! Grayscale of 8-bit RGB with AVX2: 32 pixels a turn.

use std::arch::x86_64::*;

use super::luma::luma;

/// Pixels of one turn.
const TURN: usize = 32;
/// Bytes that a load reads beyond the pixels it is for.
const BEYOND: usize = 4;

/// The luma of each pixel.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn rgb8(samples: &[u8]) -> Vec<u8> {
    let pixels = samples.len() / 3;
    let turns = samples.len().saturating_sub(BEYOND) / (3 * TURN);
    let mut out: Vec<u8> = Vec::with_capacity(pixels);
    for turn in 0..turns {
        let input = samples[turn * 3 * TURN..][..3 * TURN + BEYOND].as_ptr();
        // SAFETY: the slice above holds the 24 bytes of each of the four groups of 8 pixels, the last
        // load of 16 reading BEYOND past them; `out` has room for `pixels`, and `turns * TURN` are no more.
        unsafe {
            let [a, b, c, d] = [luma8(input), luma8(input.add(24)), luma8(input.add(48)), luma8(input.add(72))];
            let bytes = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
            let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            let bytes = _mm256_permutevar8x32_epi32(bytes, order);
            _mm256_storeu_si256(out.as_mut_ptr().add(turn * TURN).cast(), bytes);
        }
    }
    // SAFETY: the loop wrote this many.
    unsafe { out.set_len(turns * TURN) };
    out.extend(samples[turns * 3 * TURN..].chunks_exact(3).map(luma));
    out
}

/// The luma of 8 pixels as 32-bit integers; reads 28 bytes.
///
/// # Safety
/// The processor has AVX2, and 28 bytes can be read from `input`.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn luma8(input: *const u8) -> __m256i {
    // Per lane 4 pixels: as pairs (R, G) and (B, 0) of 16 bit.
    let red_green = _mm256_setr_epi8(
        0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1, 0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10,
        -1,
    );
    let blue = _mm256_setr_epi8(
        2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1, 2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11,
        -1, -1, -1,
    );
    // SAFETY: 12 + 16 = 28 bytes, as the caller promises.
    let pixels = unsafe { _mm256_loadu2_m128i(input.add(12).cast(), input.cast()) };
    let first = _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, red_green), _mm256_set1_epi32(19235 << 16 | 9798));
    // The second factor of the pair is 1, so that madd adds the rounding constant too.
    let blue = _mm256_or_si256(_mm256_shuffle_epi8(pixels, blue), _mm256_set1_epi32(1 << 16));
    let second = _mm256_madd_epi16(blue, _mm256_set1_epi32(16384 << 16 | 3735));
    _mm256_srli_epi32(_mm256_add_epi32(first, second), 15)
}
