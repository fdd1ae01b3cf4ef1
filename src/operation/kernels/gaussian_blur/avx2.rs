//! The Gaussian with AVX2.
//!
//! 8 bit: rows are interleaved in pairs and kept in a ring, so that one multiply-add takes two rows of
//! 16 columns (`maddubs`); two rows of results share each load. The lines of 16-bit sums, made signed by
//! subtracting 2¹⁵, are paired with their neighbours, so that the second pass takes two taps at once too
//! (`madd`). All sums are exact. Neighbouring taps that together exceed 128 would saturate `maddubs`:
//! such kernels are small, and make their column sums with the portable code compiled for AVX2, as all
//! of 16 bit is.

mod line;
mod ring;

use line::Line;
use ring::Ring;

use super::portable::{self, Sample};
use super::strips::{Plane, Strip};
use super::taps::Taps;

/// Columns of a vector of bytes.
const BLOCK: usize = 32;
/// Samples of a strip that a ring is made for: it should stay in the second cache.
const STRIP_SAMPLES: usize = 1536;

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
        let pairs = even.chunks_exact(2).zip(odd.chunks_exact(2)).filter(|_| !saturates);
        let columns: Vec<[i32; 2]> = pairs.map(|(even, odd)| [bytes(even), bytes(odd)]).collect();
        Self { radius: taps.len() / 2, columns: columns.repeat(2), along: even.chunks_exact(2).map(words).collect() }
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
