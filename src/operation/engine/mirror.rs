//! Rows of pixels in reverse order.
//!
//! Owns how they are moved many at once; which rows of a picture are, `rotate` and `flip` say.

use super::cpu::Cpu;
use super::sample::Sample;

/// Reverses rows of pixels of one kind.
pub(crate) struct Reverse {
    cpu: Cpu,
    channels: usize,
    #[cfg(target_arch = "x86_64")]
    turn: avx2::Turn,
}

impl Reverse {
    /// For pixels of `channels` samples of type `T`.
    pub(crate) fn new<T: Sample>(cpu: Cpu, channels: usize) -> Self {
        Self {
            cpu,
            channels,
            #[cfg(target_arch = "x86_64")]
            turn: avx2::Turn::new(channels * size_of::<T>()),
        }
    }

    /// Writes the pixels of a row in reverse order to a row as long.
    pub(crate) fn row<T: Sample>(&self, from: &[T], to: &mut [T]) {
        let to = &mut to[..from.len()];
        let done = match self.cpu {
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
                // SAFETY: this processor has AVX2, as just asked; the rows have the same length.
                unsafe { self.turn.reverse(from, to) }
            }
            _ => 0,
        };
        let rest = to.len() - done;
        let pixels = from[done..].chunks_exact(self.channels).zip(to[..rest].rchunks_exact_mut(self.channels));
        pixels.for_each(|(pixel, place)| place.copy_from_slice(pixel));
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::Sample;

    /// Bytes that are read and written at once.
    const BYTES: usize = size_of::<__m128i>();

    /// How as many pixels as fit are reversed at once.
    pub(crate) struct Turn {
        /// Bytes of these pixels.
        moved: usize,
        /// For each byte the one that comes to it: these pixels, the last first, are at the end.
        order: [u8; BYTES],
    }

    impl Turn {
        /// For pixels of so many bytes, at most [`BYTES`].
        pub(crate) fn new(pixel: usize) -> Self {
            let moved = BYTES / pixel * pixel;
            let order = std::array::from_fn(|to| match to.checked_sub(BYTES - moved) {
                Some(at) => (moved - pixel - at / pixel * pixel + at % pixel) as u8,
                None => 0,
            });
            Self { moved, order }
        }

        /// Reverses as many pixels as whole turns take, from the beginning of `from` to the end of `to`: says how
        /// many samples. What a turn writes before the pixels it moves, the next or the caller writes again.
        ///
        /// # Safety
        /// The processor has AVX2, and `to` is as long as `from`.
        #[target_feature(enable = "avx2")]
        pub(crate) unsafe fn reverse<T: Sample>(&self, from: &[T], to: &mut [T]) -> usize {
            let length = size_of_val(from);
            // SAFETY: an array of so many bytes.
            let order = unsafe { _mm_loadu_si128(self.order.as_ptr().cast()) };
            let (source, target) = (from.as_ptr().cast::<u8>(), to.as_mut_ptr().cast::<u8>());
            let mut start = 0;
            while start + BYTES <= length {
                // SAFETY: what is read from `start` on lies in `from`, and so what ends `start` before the end in `to`.
                unsafe {
                    let bytes = _mm_shuffle_epi8(_mm_loadu_si128(source.add(start).cast()), order);
                    _mm_storeu_si128(target.add(length - start - BYTES).cast(), bytes);
                }
                start += self.moved;
            }
            start / size_of::<T>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrored<T: Sample>(cpu: Cpu, pixels: usize, channels: usize) {
        let from: Vec<T> = (0..pixels * channels).map(|at| T::of((at * 40503) as i32 & T::TOP)).collect();
        let mut to = vec![T::default(); from.len()];
        Reverse::new::<T>(cpu, channels).row(&from, &mut to);
        let expected: Vec<T> = from.chunks_exact(channels).rev().flatten().copied().collect();
        assert_eq!(to, expected, "{cpu:?}, {pixels} pixels of {channels}");
    }

    #[test]
    fn rows_of_every_length_and_pixel_are_reversed() {
        for (cpu, channels) in Cpu::all().into_iter().flat_map(|cpu| (1..5).map(move |channels| (cpu, channels))) {
            for pixels in 0..70 {
                mirrored::<u8>(cpu, pixels, channels);
                mirrored::<u16>(cpu, pixels, channels);
            }
        }
    }
}
