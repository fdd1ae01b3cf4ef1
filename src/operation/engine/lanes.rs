//! Minima and maxima of samples at the same place of several rows, as many at once as fit a vector.
//!
//! Owns the loop along rows; left to the compiler it does the end of each row sample by sample, which takes longer
//! than all the rest. Knows neither pictures nor borders.

#[cfg(target_arch = "x86_64")]
mod avx2;

use super::cpu::Cpu;
use super::sample::Sample;
use super::vectors::{Compare, Places};

impl<T: Sample> Compare for T {
    #[inline(always)]
    fn low(self, other: T) -> T {
        self.min(other)
    }

    #[inline(always)]
    fn high(self, other: T) -> T {
        self.max(other)
    }
}

/// Does it along rows: `TO` rows of the same length, and `FROM` that are at least as long.
pub(crate) fn along<T: Sample, const FROM: usize, const TO: usize>(
    cpu: Cpu,
    from: [&[T]; FROM],
    to: [&mut [T]; TO],
    places: impl Places<FROM, TO>,
) {
    let length = to.first().map_or(0, |row| row.len());
    assert!(from.iter().all(|row| row.len() >= length) && to.iter().all(|row| row.len() == length));
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if length >= avx2::lanes::<T>() && Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked; the rows are so long, at least a vector.
            unsafe { avx2::along(from, to, length, places) }
        }
        _ => one_by_one(from, to, places),
    }
}

fn one_by_one<T: Sample, const FROM: usize, const TO: usize>(
    from: [&[T]; FROM],
    mut to: [&mut [T]; TO],
    places: impl Places<FROM, TO>,
) {
    let length = to.first().map_or(0, |row| row.len());
    let from = from.map(|row| &row[..length]);
    for at in 0..length {
        let results = places.place(|row| from[row][at]);
        for (to, result) in to.iter_mut().zip(results) {
            to[at] = result;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Ends;

    impl Places<3, 2> for Ends {
        #[inline(always)]
        fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 2] {
            let [a, b, c] = [sample(0), sample(1), sample(2)];
            [a.low(b).low(c), a.high(b).high(c)]
        }
    }

    fn ends<T: Sample>(cpu: Cpu, length: usize) {
        let row = |seed: usize| -> Vec<T> { (0..length + 2).map(|at| T::of((at * seed % 1009) as i32 * 37)).collect() };
        let rows = [row(7), row(31), row(101)];
        let (mut low, mut high) = (vec![T::default(); length], vec![T::default(); length]);
        along(cpu, rows.each_ref().map(Vec::as_slice), [&mut low, &mut high], Ends);
        for at in 0..length {
            let samples = rows.each_ref().map(|row| row[at]);
            let expected = (samples.into_iter().min(), samples.into_iter().max());
            assert_eq!((Some(low[at]), Some(high[at])), expected, "{cpu:?}, {at} of {length}");
        }
    }

    #[test]
    fn rows_of_every_length_are_done_to_their_end() {
        for (cpu, length) in Cpu::all().into_iter().flat_map(|cpu| (0..140).map(move |length| (cpu, length))) {
            ends::<u8>(cpu, length);
            ends::<u16>(cpu, length);
        }
    }
}
