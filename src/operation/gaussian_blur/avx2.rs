//! The Gaussian with AVX2.
//!
//! 8 bit: rows are interleaved in pairs and kept in a ring, so that one multiply-add takes two rows of
//! 16 columns (`maddubs`); two rows of results share each load. The lines of 16-bit sums, made signed by
//! subtracting 2¹⁵, are paired with their neighbours, so that the second pass takes two taps at once too
//! (`madd`). All sums are exact. Neighbouring taps that together exceed 128 would saturate `maddubs`:
//! such kernels are small, and make their column sums with the portable code compiled for AVX2, as all
//! of 16 bit is.

use std::arch::x86_64::*;

use super::portable::{self, Sample};
use super::strips::{Plane, Strip};
use super::taps::Taps;

/// Columns of a vector of bytes.
const BLOCK: usize = 32;
/// Results of a turn of the second pass.
const TURN: usize = 64;
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
    let paired = PairedTaps::new(taps);
    let mut out = vec![0; plane.output_len()];
    // Each strip computes the columns of its halo once more: keep them few against its own.
    let width = (STRIP_SAMPLES / plane.channels).max(2 * taps.radius());
    for strip in plane.strips(width, taps.radius()) {
        if paired.columns.is_empty() {
            blur_strip_by_rows(&plane, &strip, taps, &paired, &mut out);
        } else {
            blur_strip(&plane, &strip, &paired, &mut out);
        }
    }
    out
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
    /// Bytes, twice the pair: for the upper of two rows of results, and one row later for the lower;
    /// all of them twice over, so that they can begin anywhere. Empty if a pair would saturate.
    columns: Vec<[i32; 2]>,
    /// 16-bit numbers: for the second pass.
    along: Vec<i32>,
}

impl PairedTaps {
    fn new(taps: &Taps) -> Self {
        let taps = taps.all();
        let saturates = taps.windows(2).any(|pair| pair[0] + pair[1] > 128) || taps.iter().any(|tap| *tap > 127);
        let mut even = taps.to_vec();
        even.push(0);
        let odd: Vec<u32> = [0].into_iter().chain(taps.iter().copied()).collect();
        let bytes = |pair: &[u32]| ((pair[0] | pair[1] << 8) * 0x1_0001) as i32;
        let words = |pair: &[u32]| (pair[0] | pair[1] << 16) as i32;
        let columns = even.chunks_exact(2).zip(odd.chunks_exact(2)).map(|(even, odd)| [bytes(even), bytes(odd)]);
        let columns: Vec<[i32; 2]> = columns.collect();
        Self {
            radius: taps.len() / 2,
            columns: if saturates { Vec::new() } else { columns.repeat(2) },
            along: even.chunks_exact(2).map(words).collect(),
        }
    }
}

#[target_feature(enable = "avx2")]
fn blur_strip(plane: &Plane<'_, u8>, strip: &Strip, taps: &PairedTaps, out: &mut [u8]) {
    let top = i64::from(plane.keep.y) - taps.radius as i64;
    let mut ring = Ring::new(strip.needed.len() * plane.channels, taps.along.len());
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
            line.finish(strip, taps, plane.channels, &mut out[plane.output_range(row, strip)]);
        }
    }
}

#[target_feature(enable = "avx2")]
fn blur_strip_by_rows(plane: &Plane<'_, u8>, strip: &Strip, taps: &Taps, paired: &PairedTaps, out: &mut [u8]) {
    let mut line = Line::new(strip, plane.channels);
    let mut rows = Vec::with_capacity(taps.all().len());
    for row in 0..plane.keep.height as usize {
        let top = i64::from(plane.keep.y) + row as i64 - paired.radius as i64;
        rows.clear();
        rows.extend((0..taps.all().len() as i64).map(|at| plane.row(top + at, strip)));
        portable::vertical(&rows, taps.all(), &mut line.sums[strip.inner()]);
        line.finish(strip, paired, plane.channels, &mut out[plane.output_range(row, strip)]);
    }
}

/// The last pairs of rows, interleaved: bytes of a pair's rows take turns within each half of a vector.
///
/// For each block of columns all pairs lie together, in the order they were pushed modulo their number:
/// rather than the pairs, the taps are turned round.
struct Ring {
    bytes: Vec<u8>,
    /// Samples of a row.
    len: usize,
    pairs: usize,
    /// Where the oldest pair is, and the next will be.
    oldest: usize,
}

impl Ring {
    fn new(len: usize, pairs: usize) -> Self {
        Self { bytes: vec![0; 2 * len.next_multiple_of(BLOCK) * pairs], len, pairs, oldest: 0 }
    }

    #[target_feature(enable = "avx2")]
    fn push(&mut self, (first, second): (&[u8], &[u8])) {
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
    fn sum(&self, taps: &PairedTaps, upper: &mut [u16], lower: &mut [u16]) {
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

/// A row of column sums with its mirrored edges, and the same as signed pairs of neighbours.
struct Line {
    sums: Vec<u16>,
    /// For each sum, itself and the next of its channel.
    pairs: Vec<[i16; 2]>,
}

impl Line {
    fn new(strip: &Strip, channels: usize) -> Self {
        // Whole turns are read and written: room for one beyond the end, and for the pairs' second halves.
        let len = strip.line_len() + TURN;
        Self { sums: vec![0; len + channels + BLOCK], pairs: vec![[0; 2]; len.next_multiple_of(BLOCK / 2)] }
    }

    /// Turns the column sums into a row of the result.
    #[target_feature(enable = "avx2")]
    fn finish(&mut self, strip: &Strip, taps: &PairedTaps, channels: usize, out: &mut [u8]) {
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
