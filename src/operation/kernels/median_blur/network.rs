//! Medians by comparing and swapping, without branches: what becomes of them is minima and maxima of vectors.

use crate::operation::engine::vectors::{Compare, Places};

/// Puts pairs of an array in order. Written out one by one: as a loop over pairs the compiler keeps the array in
/// memory and makes no vectors.
macro_rules! in_order {
    ($values:ident: $(($low:literal, $high:literal)),+ $(,)?) => {
        $(($values[$low], $values[$high]) = ($values[$low].low($values[$high]), $values[$low].high($values[$high]));)+
    };
}

/// Sorts the samples of a column, the smallest first.
#[derive(Clone, Copy)]
pub(super) struct Sort;

impl Places<3, 3> for Sort {
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 3] {
        sort3([sample(0), sample(1), sample(2)])
    }
}

impl Places<5, 5> for Sort {
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 5] {
        sort5([sample(0), sample(1), sample(2), sample(3), sample(4)])
    }
}

/// The median of sorted columns, given rank by rank.
#[derive(Clone, Copy)]
pub(super) struct Median;

impl Places<9, 1> for Median {
    /// The middle of the largest low, the middle middle and the smallest high.
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 1] {
        let low = sample(0).high(sample(1)).high(sample(2));
        let middle = median3(sample(3), sample(4), sample(5));
        let high = sample(6).low(sample(7)).low(sample(8));
        [median3(low, middle, high)]
    }
}

impl Places<25, 1> for Median {
    /// With each rank sorted too, a sample has at least as many others below it as the rectangle before it, and
    /// above it as the rectangle after it. That leaves three diagonals from bottom left to top right; by the
    /// same count only the largest of the first and the smallest of the third may be the median, with the
    /// second's five. What is left out of the sorting, the compiler leaves out too.
    #[inline(always)]
    fn place<C: Compare>(self, sample: impl Fn(usize) -> C) -> [C; 1] {
        let [_, _, _, first, r0] = ranked(&sample, 0);
        let [_, _, r12, r1, third] = ranked(&sample, 1);
        let first = first.high(r12);
        let [_, r21, r2, r23, _] = ranked(&sample, 2);
        let (first, third) = (first.high(r21), third.low(r23));
        let [r30, r3, r32, _, _] = ranked(&sample, 3);
        let (first, third) = (first.high(r30), third.low(r32));
        let [r4, r41, _, _, _] = ranked(&sample, 4);
        [median7([r0, r1, r2, r3, r4, first, third.low(r41)])]
    }
}

/// The five samples of a rank, sorted. No closure: that would not be compiled for vectors.
#[inline(always)]
fn ranked<C: Compare>(sample: &impl Fn(usize) -> C, rank: usize) -> [C; 5] {
    let first = 5 * rank;
    sort5([sample(first), sample(first + 1), sample(first + 2), sample(first + 3), sample(first + 4)])
}

#[inline(always)]
fn sort3<C: Compare>([a, b, c]: [C; 3]) -> [C; 3] {
    let (low, high) = (a.low(b), a.high(b));
    let (middle, high) = (high.low(c), high.high(c));
    [low.low(middle), low.high(middle), high]
}

#[inline(always)]
fn sort5<C: Compare>(mut v: [C; 5]) -> [C; 5] {
    in_order!(v: (0, 3), (1, 4), (0, 2), (1, 3), (0, 1), (2, 4), (1, 2), (3, 4), (2, 3));
    v
}

#[inline(always)]
fn median3<C: Compare>(a: C, b: C, c: C) -> C {
    a.low(b).high(a.high(b).low(c))
}

/// The median of seven.
///
/// # Source
/// Nicolas Devillard, "Fast median search".
#[inline(always)]
fn median7<C: Compare>(mut v: [C; 7]) -> C {
    in_order!(v: (0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4));
    v[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What holds for all columns of zeros and ones holds for all.
    fn columns<const SIDE: usize>() -> impl Iterator<Item = ([[u8; SIDE]; SIDE], usize)> {
        let patterns = (SIDE + 1).pow(SIDE as u32);
        (0..patterns).map(|pattern| {
            let ones: [usize; SIDE] =
                std::array::from_fn(|column| pattern / (SIDE + 1).pow(column as u32) % (SIDE + 1));
            let ranks = std::array::from_fn(|rank| ones.map(|ones| u8::from(rank >= SIDE - ones)));
            (ranks, ones.iter().sum())
        })
    }

    fn median<const SIDE: usize, const AREA: usize>(ranks: [[u8; SIDE]; SIDE]) -> u8
    where
        Median: Places<AREA, 1>,
    {
        Median.place(|at| ranks[at / SIDE][at % SIDE])[0]
    }

    #[test]
    fn medians_of_sorted_columns_are_right() {
        columns::<3>().for_each(|(ranks, ones)| assert_eq!(median::<3, 9>(ranks), u8::from(ones > 4), "{ranks:?}"));
        columns::<5>().for_each(|(ranks, ones)| assert_eq!(median::<5, 25>(ranks), u8::from(ones > 12), "{ranks:?}"));
    }

    #[test]
    fn columns_are_sorted() {
        for pattern in 0..32u8 {
            let values: [u8; 5] = std::array::from_fn(|at| pattern >> at & 1);
            assert!(sort5(values).is_sorted());
            assert!(sort3([values[0], values[1], values[2]]).is_sorted());
        }
    }
}
