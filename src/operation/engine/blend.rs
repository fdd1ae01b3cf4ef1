//! The blend that `brightness`, `contrast` and `saturation` share, and the luma two of them start from.

use super::sample::{Sample, whole32};

/// `a + factor * (v - a)` in single precision, each step rounded, clipped and cut off to a sample.
///
/// # Source
/// Pillow's `Image.blend`.
#[inline(always)]
pub(crate) fn blend<T: Sample>(a: f32, factor: f32, v: T) -> T {
    let moved = a + factor * (v.wide() as f32 - a);
    T::of(whole32(moved.clamp(0.0, T::TOP as f32)))
}

/// `(19595 R + 38470 G + 7471 B + 32768) >> 16`: other weights than those of `grayscale`.
///
/// # Source
/// Pillow's `convert("L")`.
#[inline(always)]
pub(crate) fn luma<T: Sample>([red, green, blue]: [T; 3]) -> i32 {
    let [red, green, blue] = [red, green, blue].map(|sample| sample.wide() as u32);
    ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_extremes_do_not_overflow() {
        assert_eq!(luma([255u8; 3]), 255);
        assert_eq!(luma([65535u16; 3]), 65535);
        assert_eq!(luma([0u8, 255, 0]), 150);
    }

    #[test]
    fn results_are_clipped_and_cut_off() {
        assert_eq!(blend(0.0, 1.3, 10u8), 13);
        assert_eq!(blend(0.0, 1.3, 11u8), 14);
        assert_eq!(blend(0.0, 16.0, 65535u16), 65535);
        assert_eq!(blend(200.0, 16.0, 100u8), 0);
    }
}
