//! Halving rows: the mean of two by two pixels, rounded half up, where at an edge fewer are left the mean of those.
//!
//! Exact whatever the processor: the vector path gives the bytes of the portable one, which a test says.

/// A row of half the width out of two neighbours, or of one that is given twice. Where `leads`, the first pixel stands alone
/// and the pairs begin with the second.
pub(super) fn halve(above: &[u8], below: &[u8], channels: usize, leads: bool, out: &mut Vec<u8>) {
    let width = above.len().min(below.len()) / channels.max(1);
    out.clear();
    if width == 0 {
        return;
    }
    let leads = leads && width % 2 == 1;
    out.resize(width.div_ceil(2) * channels, 0);
    let alone = |out: &mut [u8], at: usize| {
        let pixel = at * channels..(at + 1) * channels;
        for ((out, above), below) in out.iter_mut().zip(&above[pixel.clone()]).zip(&below[pixel]) {
            *out = (u16::from(*above) + u16::from(*below)).div_ceil(2) as u8;
        }
    };
    if width % 2 == 1 {
        let at = if leads { 0 } else { out.len() - channels };
        alone(&mut out[at..at + channels], if leads { 0 } else { width - 1 });
    }
    let from = if leads { channels } else { 0 };
    let count = width / 2;
    let of = from..from + count * 2 * channels;
    pairs(&above[of.clone()], &below[of], channels, &mut out[from..from + count * channels]);
}

fn pairs(above: &[u8], below: &[u8], channels: usize, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2, as just asked.
        return unsafe { avx2(above, below, channels, out) };
    }
    portable(above, below, channels, out);
}

#[inline(always)]
fn portable(above: &[u8], below: &[u8], channels: usize, out: &mut [u8]) {
    match channels {
        1 => means::<1>(above, below, out),
        2 => means::<2>(above, below, out),
        3 => means::<3>(above, below, out),
        _ => means::<4>(above, below, out),
    }
}

#[inline(always)]
fn means<const C: usize>(above: &[u8], below: &[u8], out: &mut [u8]) {
    let pixels = above.as_chunks::<C>().0.as_chunks::<2>().0.iter().zip(below.as_chunks::<C>().0.as_chunks::<2>().0);
    for (out, ([a, b], [c, d])) in out.as_chunks_mut::<C>().0.iter_mut().zip(pixels) {
        for at in 0..C {
            let sum = u16::from(a[at]) + u16::from(b[at]) + u16::from(c[at]) + u16::from(d[at]);
            out[at] = ((sum + 2) >> 2) as u8;
        }
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(above: &[u8], below: &[u8], channels: usize, out: &mut [u8]) {
    // Pairs of a channel side by side, of as many whole pairs of pixels as 16 bytes hold.
    const ORDER: [[i8; 16]; 4] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15],
        [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1],
        [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15],
    ];
    let order = ORDER[channels.clamp(1, 4) - 1];
    let (read, written) = if channels == 3 { (12, 6) } else { (16, 8) };
    // A turn reads 16 bytes and writes 8, of which the next turn may write some again.
    let turns = above.len().min(below.len()).checked_sub(16).map_or(0, |rest| rest / read + 1);
    let turns = turns.min(out.len().checked_sub(8).map_or(0, |rest| rest / written + 1));
    // SAFETY: of `turns` turns the last reads up to `(turns - 1) * read + 16` bytes, which both rows have, and writes up to
    // `(turns - 1) * written + 8`, which `out` has.
    unsafe { halve_16(above.as_ptr(), below.as_ptr(), out.as_mut_ptr(), order, (read, written), turns) };
    let (done, made) = (turns * read, turns * written);
    portable(&above[done..], &below[done..], channels, &mut out[made..]);
}

/// # Safety
/// The processor has AVX2; all `turns` stay inside the rows.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn halve_16(
    above: *const u8,
    below: *const u8,
    out: *mut u8,
    order: [i8; 16],
    (read, written): (usize, usize),
    turns: usize,
) {
    use std::arch::x86_64::*;
    // SAFETY: an array of 16 bytes is read.
    let order = unsafe { _mm_loadu_si128(order.as_ptr().cast()) };
    let (ones, half) = (_mm_set1_epi8(1), _mm_set1_epi16(2));
    for turn in 0..turns {
        // SAFETY: as the caller promises.
        unsafe {
            let one = _mm_shuffle_epi8(_mm_loadu_si128(above.add(turn * read).cast()), order);
            let other = _mm_shuffle_epi8(_mm_loadu_si128(below.add(turn * read).cast()), order);
            let sum = _mm_add_epi16(_mm_maddubs_epi16(one, ones), _mm_maddubs_epi16(other, ones));
            let mean = _mm_srli_epi16(_mm_add_epi16(sum, half), 2);
            _mm_storel_epi64(out.add(turn * written).cast(), _mm_packus_epi16(mean, mean));
        }
    }
}

/// Samples of 16 bit, low byte first, as those of 8 that are nearest.
pub(super) fn narrow(row: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend(row.as_chunks::<2>().0.iter().map(|pair| {
        let sample = u32::from(u16::from_le_bytes(*pair));
        ((sample * 255 + 32_895) >> 16) as u8
    }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_paths_give_the_rounded_mean(
            bytes in proptest::collection::vec(any::<u8>(), 0..600), channels in 1usize..=4, leads: bool,
        ) {
            let width = bytes.len() / 2 / channels;
            let (above, below) = (&bytes[..width * channels], &bytes[width * channels..][..width * channels]);
            let mut out = Vec::new();
            halve(above, below, channels, leads, &mut out);
            prop_assert_eq!(out.len(), width.div_ceil(2) * channels);
            let shift = usize::from(leads && width % 2 == 1);
            for (at, mean) in out.iter().enumerate() {
                let (x, channel) = (at / channels, at % channels);
                let columns = (2 * x).saturating_sub(shift)..(2 * x + 2 - shift).min(width);
                let samples: Vec<u32> = columns
                    .flat_map(|x| [above, below].map(|row| u32::from(row[x * channels + channel])))
                    .collect();
                let count = samples.len() as u32;
                prop_assert_eq!(u32::from(*mean), (2 * samples.iter().sum::<u32>() + count) / (2 * count));
            }
            let mut plain = vec![0; width / 2 * channels];
            portable(above, below, channels, &mut plain);
            if width % 2 == 0 {
                prop_assert_eq!(plain, out);
            }
        }
    }

    #[test]
    fn sixteen_bit_become_the_nearest_eight() {
        let row: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let mut out = Vec::new();
        narrow(&row, &mut out);
        for (sample, narrowed) in out.iter().enumerate() {
            assert_eq!(usize::from(*narrowed), (sample + 128) / 257, "{sample}");
        }
    }
}
