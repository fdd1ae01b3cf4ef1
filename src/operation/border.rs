//! Border rules: which sample stands for one beyond the picture's edge.

/// The index that stands for `index` in a line of `length` (at least 1): mirrored without repeating the
/// edge, as often as it takes.
pub(crate) fn reflect101(index: i64, length: usize) -> usize {
    if length <= 1 {
        return 0;
    }
    let last = length as i64 - 1;
    let folded = index.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_as_often_as_asked() {
        let line: Vec<usize> = (-7..8).map(|index| reflect101(index, 3)).collect();
        assert_eq!(line, [1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
        assert!((-3..3).all(|index| reflect101(index, 1) == 0));
        assert_eq!([reflect101(-1, 2), reflect101(2, 2), reflect101(3, 2)], [1, 0, 1]);
    }
}
