//! A sample of either depth, for kernels that are written once for both.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

#[cfg(target_arch = "x86_64")]
use super::vectors::{Bytes, Vector, Words};

/// An unsigned sample; all values fit an `i32` with room for small sums.
pub(crate) trait Sample: Copy + Default + Ord + fmt::Debug + Send + Sync + 'static {
    /// The largest sample.
    const TOP: i32;
    /// The narrowest signed integer for sums of samples with weights of at most 16 in all, either sign.
    type Sum: Sum;
    /// The narrowest unsigned integer for sums of up to 225 samples.
    type Total: Total;
    /// As many as AVX2 compares at once.
    #[cfg(target_arch = "x86_64")]
    type Vector: Vector<Self>;

    /// The sample as it is.
    fn wide(self) -> i32;
    /// The low bits of a value, which is in range.
    fn of(value: i32) -> Self;
    /// The nearest sample of a sum.
    fn clip(sum: Self::Sum) -> Self;
    /// The sample for a sum.
    fn to_sum(self) -> Self::Sum;
    /// The sample for a total.
    fn to_total(self) -> Self::Total;

    /// The nearest sample.
    #[inline(always)]
    fn nearest(value: i32) -> Self {
        Self::of(value.clamp(0, Self::TOP))
    }
}

/// Integers that sums of samples fit.
pub(crate) trait Sum:
    Copy + Default + Ord + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self> + From<u8>
{
    /// Its size.
    fn size(self) -> Self {
        self.max(-self)
    }
}

impl Sum for i16 {}
impl Sum for i32 {}

/// Integers that totals of samples fit.
pub(crate) trait Total: Copy + Default + Into<u32> {
    /// Adds what leaves it in range.
    fn plus(self, other: Self) -> Self;
    /// Subtracts what is a part of it.
    fn minus(self, other: Self) -> Self;
}

impl Total for u16 {
    #[inline(always)]
    fn plus(self, other: u16) -> u16 {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn minus(self, other: u16) -> u16 {
        self.wrapping_sub(other)
    }
}

impl Total for u32 {
    #[inline(always)]
    fn plus(self, other: u32) -> u32 {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn minus(self, other: u32) -> u32 {
        self.wrapping_sub(other)
    }
}

impl Sample for u8 {
    const TOP: i32 = 255;
    type Sum = i16;
    type Total = u16;
    #[cfg(target_arch = "x86_64")]
    type Vector = Bytes;

    #[inline(always)]
    fn wide(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn of(value: i32) -> Self {
        value as u8
    }

    #[inline(always)]
    fn clip(sum: i16) -> Self {
        sum.clamp(0, 255) as u8
    }

    #[inline(always)]
    fn to_total(self) -> u16 {
        self.into()
    }

    #[inline(always)]
    fn to_sum(self) -> i16 {
        self.into()
    }
}

impl Sample for u16 {
    const TOP: i32 = 65535;
    type Sum = i32;
    type Total = u32;
    #[cfg(target_arch = "x86_64")]
    type Vector = Words;

    #[inline(always)]
    fn wide(self) -> i32 {
        self.into()
    }

    #[inline(always)]
    fn of(value: i32) -> Self {
        value as u16
    }

    #[inline(always)]
    fn clip(sum: i32) -> Self {
        sum.clamp(0, 65535) as u16
    }

    #[inline(always)]
    fn to_total(self) -> u32 {
        self.into()
    }

    #[inline(always)]
    fn to_sum(self) -> i32 {
        self.into()
    }
}

/// The integer of a number of at least 0 and below 2³¹, its fraction cut off.
#[inline(always)]
pub(crate) fn whole32(value: f32) -> i32 {
    debug_assert!((0.0..2_147_483_648.0).contains(&value));
    // SAFETY: the callers clip to the range of samples; nothing else is given.
    unsafe { value.to_int_unchecked() }
}

/// The same for f64.
#[inline(always)]
pub(crate) fn whole64(value: f64) -> i32 {
    debug_assert!((0.0..2_147_483_648.0).contains(&value));
    // SAFETY: as above.
    unsafe { value.to_int_unchecked() }
}
