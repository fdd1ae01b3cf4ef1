//! Vectors of AVX2 to compare.

use std::arch::x86_64::*;

use super::{Compare, Places};
use crate::operation::engine::sample::Sample;

/// A vector of samples. There is one only where the processor has AVX2: its maker promised that.
pub(crate) trait Vector<T>: Compare {
    /// Reads it.
    ///
    /// # Safety
    /// The processor has AVX2, and a whole vector can be read.
    unsafe fn load(from: *const T) -> Self;

    /// Writes it.
    ///
    /// # Safety
    /// A whole vector can be written.
    unsafe fn store(self, to: *mut T);
}

/// 32 samples of 8 bit.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(__m256i);

/// 16 samples of 16 bit.
#[derive(Clone, Copy)]
pub(crate) struct Words(__m256i);

macro_rules! vector {
    ($vector:ident, $sample:ty, $low:ident, $high:ident) => {
        impl Compare for $vector {
            #[inline(always)]
            fn low(self, other: Self) -> Self {
                // SAFETY: there is a vector, so the processor has AVX2.
                unsafe { Self($low(self.0, other.0)) }
            }

            #[inline(always)]
            fn high(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { Self($high(self.0, other.0)) }
            }
        }

        impl Vector<$sample> for $vector {
            #[inline(always)]
            unsafe fn load(from: *const $sample) -> Self {
                // SAFETY: as the caller promises.
                unsafe { Self(_mm256_loadu_si256(from.cast())) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $sample) {
                // SAFETY: as the caller promises.
                unsafe { _mm256_storeu_si256(to.cast(), self.0) }
            }
        }
    };
}

vector!(Bytes, u8, _mm256_min_epu8, _mm256_max_epu8);
vector!(Words, u16, _mm256_min_epu16, _mm256_max_epu16);

/// Samples of a vector.
pub(super) const fn lanes<T>() -> usize {
    size_of::<__m256i>() / size_of::<T>()
}

/// Goes along rows by whole vectors; the last overlaps the one before.
///
/// # Safety
/// The processor has AVX2, and all rows have `length` samples or more, at least [`lanes`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn along<T: Sample, const FROM: usize, const TO: usize>(
    from: [&[T]; FROM],
    to: [&mut [T]; TO],
    length: usize,
    places: impl Places<FROM, TO>,
) {
    let (mut sources, mut targets) = ([std::ptr::null(); FROM], [std::ptr::null_mut(); TO]);
    sources.iter_mut().zip(&from).for_each(|(source, row)| *source = row.as_ptr());
    targets.iter_mut().zip(to).for_each(|(target, row)| *target = row.as_mut_ptr());
    for start in (0..length).step_by(lanes::<T>()) {
        let at = start.min(length - lanes::<T>());
        // SAFETY: `at` and a vector after it lie in each row, as the caller promises.
        unsafe {
            let results = places.place(|row| T::Vector::load(sources[row].add(at)));
            for row in 0..TO {
                results[row].store(targets[row].add(at));
            }
        }
    }
}
