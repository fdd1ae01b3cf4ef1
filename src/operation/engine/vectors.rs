//! Samples that are compared one at a time or a vector at once: what lanes are made of.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// What minima and maxima are taken of: a sample, or a vector of them, place by place.
pub(crate) trait Compare: Copy {
    /// The smaller.
    fn low(self, other: Self) -> Self;
    /// The larger.
    fn high(self, other: Self) -> Self;
}

/// What is done at each place: from samples of `FROM` rows to those of `TO` rows.
pub(crate) trait Places<const FROM: usize, const TO: usize>: Copy {
    /// The results; `sample` gives the sample of a row. Has to be `inline(always)`.
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; TO];
}

/// A vector of samples. There is one only where the processor has AVX2: its maker promised that.
#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Bytes(__m256i);

/// 16 samples of 16 bit.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Words(__m256i);

#[cfg(target_arch = "x86_64")]
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

#[cfg(target_arch = "x86_64")]
vector!(Bytes, u8, _mm256_min_epu8, _mm256_max_epu8);
#[cfg(target_arch = "x86_64")]
vector!(Words, u16, _mm256_min_epu16, _mm256_max_epu16);
