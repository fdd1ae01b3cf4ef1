//! Medians by comparing and swapping, without branches: what becomes of them is minima and maxima of vectors.

/// Puts pairs of an array in order. Written out one by one: as a loop over pairs the compiler keeps the array in
/// memory and makes no vectors.
macro_rules! in_order {
    ($values:ident: $(($low:literal, $high:literal)),+ $(,)?) => {
        $(($values[$low], $values[$high]) = ($values[$low].min($values[$high]), $values[$low].max($values[$high]));)+
    };
}

/// Sorts three.
#[inline(always)]
pub(super) fn sort3<T: Ord + Copy>([a, b, c]: [T; 3]) -> [T; 3] {
    let (low, high) = (a.min(b), a.max(b));
    let (middle, high) = (high.min(c), high.max(c));
    [low.min(middle), low.max(middle), high]
}

/// Sorts five.
#[inline(always)]
pub(super) fn sort5<T: Ord + Copy>(mut v: [T; 5]) -> [T; 5] {
    in_order!(v: (0, 3), (1, 4), (0, 2), (1, 3), (0, 1), (2, 4), (1, 2), (3, 4), (2, 3));
    v
}

#[inline(always)]
fn median3<T: Ord + Copy>(a: T, b: T, c: T) -> T {
    a.min(b).max(a.max(b).min(c))
}

/// The median of seven.
///
/// # Source
/// Nicolas Devillard, "Fast median search".
#[inline(always)]
fn median7<T: Ord + Copy>(mut v: [T; 7]) -> T {
    in_order!(v: (0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4));
    v[3]
}

/// The median of nine in sorted columns, given by rank: the middle of the largest low, the middle middle
/// and the smallest high.
#[inline(always)]
pub(super) fn median9<T: Ord + Copy>([low, middle, high]: [[T; 3]; 3]) -> T {
    let [a, b, c] = low;
    let [d, e, f] = middle;
    let [g, h, i] = high;
    median3(a.max(b).max(c), median3(d, e, f), g.min(h).min(i))
}

/// The median of 25 in sorted columns, given by rank.
///
/// With each rank sorted too, a sample has at least as many others below it as the rectangle before it, and
/// above it as the rectangle after it. That leaves three diagonals from bottom left to top right; by the
/// same count only the largest of the first and the smallest of the third may be the median, with the
/// second's five. What is left out of the sorting, the compiler leaves out too.
#[inline(always)]
pub(super) fn median25<T: Ord + Copy>(ranks: [[T; 5]; 5]) -> T {
    let [r0, r1, r2, r3, r4] = ranks;
    let (r0, r1, r2, r3, r4) = (sort5(r0), sort5(r1), sort5(r2), sort5(r3), sort5(r4));
    let first = r0[3].max(r1[2]).max(r2[1]).max(r3[0]);
    let third = r1[4].min(r2[3]).min(r3[2]).min(r4[1]);
    median7([r0[4], r1[3], r2[2], r3[1], r4[0], first, third])
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

    #[test]
    fn medians_of_sorted_columns_are_right() {
        columns::<3>().for_each(|(ranks, ones)| assert_eq!(median9(ranks), u8::from(ones > 4), "{ranks:?}"));
        columns::<5>().for_each(|(ranks, ones)| assert_eq!(median25(ranks), u8::from(ones > 12), "{ranks:?}"));
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
