//! The luma of one pixel: what all ways over pixels compute.

/// A sample of either depth.
pub(super) trait Sample: Copy + Into<u32> {
    /// Takes a value that is in range.
    fn of(value: u32) -> Self;
}

impl Sample for u8 {
    fn of(value: u32) -> Self {
        value as u8
    }
}

impl Sample for u16 {
    fn of(value: u32) -> Self {
        value as u16
    }
}

/// The luma of a pixel.
#[inline(always)]
pub(super) fn luma<T: Sample>(pixel: &[T]) -> T {
    T::of((9798 * pixel[0].into() + 19235 * pixel[1].into() + 3735 * pixel[2].into() + 16384) >> 15)
}
