//! The Gaussian with AVX2.
//!
//! 8 bit: rows are interleaved in pairs and kept in a ring, so that one multiply-add takes two rows of
//! 16 columns (`maddubs`); two rows of results share each load. The lines of 16-bit sums, made signed by
//! subtracting 2¹⁵, are paired with their neighbours, so that the second pass takes two taps at once too
//! (`madd`). All sums are exact. Kernels whose neighbouring taps together exceed 128 would saturate
//! `maddubs`; they and 16 bit run the portable code compiled for AVX2.

use std::arch::x86_64::*;

use super::portable::{self, Sample};
use super::strips::{Plane, Strip};
use super::taps::Taps;

/// Columns of a vector of bytes.
const BLOCK: usize = 32;
/// Samples of a strip that a ring is made for: it should stay in the second cache.
const STRIP_SAMPLES: usize = 1536;
/// What a column's sum is lessened by to be signed.
const SIGN: i16 = i16::MIN;

/// Blurs 8-bit samples.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn blur8(plane: Plane<'_, u8>, taps: &Taps) -> Vec<u8> {
    match PairedTaps::new(taps) {
        Some(paired) => paired_blur(plane, &paired),
        None => portable::blur(plane, taps),
    }
}

/// The portable code, compiled for AVX2.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn blur<T: Sample>(plane: Plane<'_, T>, taps: &Taps) -> Vec<T> {
    portable::blur(plane, taps)
}

/// Taps two by two, each pair ready to be spread over a vector.
struct PairedTaps {
    radius: usize,
    /// Bytes, twice the pair: for the upper of two rows of results.
    upper: Vec<i32>,
    /// The same taps one row later.
    lower: Vec<i32>,
    /// 16-bit numbers: for the second pass.
    along: Vec<i32>,
}

impl PairedTaps {
    /// `None` if a pair would saturate.
    fn new(taps: &Taps) -> Option<Self> {
        let taps = taps.all();
        if taps.windows(2).any(|pair| pair[0] + pair[1] > 128) || taps.iter().any(|tap| *tap > 127) {
            return None;
        }
        let mut even = taps.to_vec();
        even.push(0);
        let odd: Vec<u32> = [0].into_iter().chain(taps.iter().copied()).collect();
        let bytes = |pair: &[u32]| ((pair[0] | pair[1] << 8) * 0x1_0001) as i32;
        let words = |pair: &[u32]| (pair[0] | pair[1] << 16) as i32;
        Some(Self {
            radius: taps.len() / 2,
            upper: even.chunks_exact(2).map(bytes).collect(),
            lower: odd.chunks_exact(2).map(bytes).collect(),
            along: even.chunks_exact(2).map(words).collect(),
        })
    }
}

#[target_feature(enable = "avx2")]
fn paired_blur(plane: Plane<'_, u8>, taps: &PairedTaps) -> Vec<u8> {
    let mut out = vec![0; plane.output_len()];
    // Each strip computes the columns of its halo once more: keep them few against its own.
    let width = (STRIP_SAMPLES / plane.channels).max(2 * taps.radius);
    for strip in plane.strips(width, taps.radius) {
        blur_strip(&plane, &strip, taps, &mut out);
    }
    out
}

#[target_feature(enable = "avx2")]
fn blur_strip(plane: &Plane<'_, u8>, strip: &Strip, taps: &PairedTaps, out: &mut [u8]) {
    let top = i64::from(plane.keep.y) - taps.radius as i64;
    let mut ring = Ring::new(strip.needed.len() * plane.channels, taps.upper.len());
    let mut lines = [Line::new(strip, plane.channels), Line::new(strip, plane.channels)];
    let pair = |index: usize| {
        let row = top + 2 * index as i64;
        (plane.row(row, strip), plane.row(row + 1, strip))
    };
    for index in 0..taps.radius {
        ring.push(pair(index));
    }
    for (index, row) in (0..plane.keep.height as usize).step_by(2).enumerate() {
        ring.push(pair(index + taps.radius));
        let [upper, lower] = &mut lines;
        ring.sum(taps, &mut upper.sums[strip.inner().start..], &mut lower.sums[strip.inner().start..]);
        for (line, row) in lines.iter_mut().zip(row..plane.keep.height as usize) {
            strip.mirror(&mut line.sums[..strip.line_len()]);
            line.pair_up(plane.channels);
            line.sum(taps, plane.channels, &mut out[plane.output_range(row, strip)]);
        }
    }
}

/// The last pairs of rows, interleaved: bytes of a pair's rows take turns within each half of a vector.
struct Ring {
    bytes: Vec<u8>,
    /// Samples of a row.
    len: usize,
    /// Bytes of a pair.
    stride: usize,
    pairs: usize,
    /// Where the oldest pair is, and the next will be.
    oldest: usize,
}

impl Ring {
    fn new(len: usize, pairs: usize) -> Self {
        let stride = 2 * len.next_multiple_of(BLOCK);
        Self { bytes: vec![0; stride * pairs], len, stride, pairs, oldest: 0 }
    }

    #[target_feature(enable = "avx2")]
    fn push(&mut self, (first, second): (&[u8], &[u8])) {
        assert!(first.len() == self.len && second.len() == self.len);
        let slot = &mut self.bytes[self.oldest * self.stride..][..self.stride];
        let (mut whole_first, mut whole_second) = ([0; BLOCK], [0; BLOCK]);
        for (at, target) in slot.chunks_exact_mut(2 * BLOCK).enumerate() {
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
                _mm256_storeu_si256(target.as_mut_ptr().cast(), _mm256_unpacklo_epi8(first, second));
                let high = target[BLOCK..].as_mut_ptr();
                _mm256_storeu_si256(high.cast(), _mm256_unpackhi_epi8(first, second));
            }
        }
        self.oldest = (self.oldest + 1) % self.pairs;
    }

    /// The weighted sums of the columns for two rows of results, signed; writes whole blocks.
    #[target_feature(enable = "avx2")]
    fn sum(&self, taps: &PairedTaps, upper: &mut [i16], lower: &mut [i16]) {
        let columns = self.stride / 2;
        assert!(upper.len() >= columns && lower.len() >= columns);
        assert!(taps.upper.len() == self.pairs && taps.lower.len() == self.pairs);
        let (newer, older) = self.bytes.split_at(self.oldest * self.stride);
        for block in 0..columns / BLOCK {
            let mut sums = [_mm256_setzero_si256(); 4];
            let slots = older.chunks_exact(self.stride).chain(newer.chunks_exact(self.stride));
            for ((slot, upper), lower) in slots.zip(&taps.upper).zip(&taps.lower) {
                let pairs = &slot[block * 2 * BLOCK..][..2 * BLOCK];
                let (upper, lower) = (_mm256_set1_epi32(*upper), _mm256_set1_epi32(*lower));
                // SAFETY: `pairs` has two vectors.
                let (low, high) = unsafe {
                    (_mm256_loadu_si256(pairs.as_ptr().cast()), _mm256_loadu_si256(pairs.as_ptr().add(BLOCK).cast()))
                };
                sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(low, upper));
                sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(high, upper));
                sums[2] = _mm256_add_epi16(sums[2], _mm256_maddubs_epi16(low, lower));
                sums[3] = _mm256_add_epi16(sums[3], _mm256_maddubs_epi16(high, lower));
            }
            store_signed(sums[0], sums[1], &mut upper[block * BLOCK..]);
            store_signed(sums[2], sums[3], &mut lower[block * BLOCK..]);
        }
    }
}

/// Puts the two halves of a block of sums in the order of their columns.
#[target_feature(enable = "avx2")]
#[inline]
fn store_signed(low: __m256i, high: __m256i, target: &mut [i16]) {
    let sign = _mm256_set1_epi16(SIGN);
    let target = target[..BLOCK].as_mut_ptr();
    // SAFETY: the target has BLOCK numbers, two vectors.
    unsafe {
        let first = _mm256_xor_si256(_mm256_permute2x128_si256(low, high, 0x20), sign);
        let second = _mm256_xor_si256(_mm256_permute2x128_si256(low, high, 0x31), sign);
        _mm256_storeu_si256(target.cast(), first);
        _mm256_storeu_si256(target.add(BLOCK / 2).cast(), second);
    }
}

/// A row of column sums with its mirrored edges, and the same as pairs of neighbours.
struct Line {
    sums: Vec<i16>,
    /// For each sum, itself and the next of its channel.
    pairs: Vec<[i16; 2]>,
}

impl Line {
    fn new(strip: &Strip, channels: usize) -> Self {
        // Whole blocks are read and written: room for one beyond the end, and for the pairs' second halves.
        let len = strip.line_len() + 2 * BLOCK;
        Self { sums: vec![0; len + channels + BLOCK], pairs: vec![[0; 2]; len.next_multiple_of(BLOCK / 2)] }
    }

    #[target_feature(enable = "avx2")]
    fn pair_up(&mut self, channels: usize) {
        for (at, target) in self.pairs.chunks_exact_mut(BLOCK / 2).enumerate() {
            let place = at * BLOCK / 2;
            let (first, second) = (&self.sums[place..][..BLOCK / 2], &self.sums[place + channels..][..BLOCK / 2]);
            // SAFETY: the sources are a vector of 16 numbers each, the target is two.
            unsafe {
                let first = _mm256_loadu_si256(first.as_ptr().cast());
                let second = _mm256_loadu_si256(second.as_ptr().cast());
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
        let mut whole = [0; BLOCK];
        for (at, target) in out.chunks_mut(BLOCK).enumerate() {
            let bytes = self.sum_block(&taps.along, channels, at * BLOCK);
            // SAFETY: `whole` is a vector of bytes.
            unsafe { _mm256_storeu_si256(whole.as_mut_ptr().cast(), bytes) };
            target.copy_from_slice(&whole[..target.len()]);
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn sum_block(&self, taps: &[i32], channels: usize, place: usize) -> __m256i {
        // Undoes what made the sums signed, and rounds half up.
        let mut sums = [_mm256_set1_epi32((1 << 23) + (1 << 15)); 4];
        assert!(self.pairs.len() >= place + (taps.len() - 1) * 2 * channels + BLOCK);
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
        let [a, b, c, d] = sums.map(|sum| _mm256_srli_epi32(sum, 16));
        let bytes = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
        _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
    }
}
