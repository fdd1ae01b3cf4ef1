//! Border rules: which sample stands for one beyond the picture's edge.

/// What stands for samples beyond the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    /// The picture mirrored, the edge not repeated.
    Reflect101,
    /// The edge again and again.
    Replicate,
}

impl Border {
    /// The index that stands for `index` in a line of `length` (at least 1).
    pub(crate) fn index(self, index: i64, length: usize) -> usize {
        match self {
            Self::Reflect101 => reflect101(index, length),
            Self::Replicate => index.clamp(0, length.max(1) as i64 - 1) as usize,
        }
    }
}

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
    fn repeats_the_edge() {
        let line: Vec<usize> = (-2..5).map(|index| Border::Replicate.index(index, 3)).collect();
        assert_eq!(line, [0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn mirrors_as_often_as_asked() {
        let line: Vec<usize> = (-7..8).map(|index| reflect101(index, 3)).collect();
        assert_eq!(line, [1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
        assert!((-3..3).all(|index| reflect101(index, 1) == 0));
        assert_eq!([reflect101(-1, 2), reflect101(2, 2), reflect101(3, 2)], [1, 0, 1]);
    }
}
