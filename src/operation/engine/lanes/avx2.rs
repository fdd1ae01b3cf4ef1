//! The loop along rows by whole vectors of AVX2.

use std::arch::x86_64::__m256i;

use crate::operation::engine::sample::Sample;
use crate::operation::engine::vectors::{Places, Vector as _};

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
