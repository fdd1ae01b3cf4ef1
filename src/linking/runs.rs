//! Rows as runs of edge pixels, and the pieces that the runs of many rows form.

use std::collections::HashMap;

use imageproc::union_find::DisjointSetForest;

use super::{NONE, STRONG, Shape};

/// Edge pixels side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether one of them is strong.
    pub(super) strong: bool,
}

/// The runs of a row, from left to right.
pub(super) fn runs(row: &[u8], step: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (x, value) in row.iter().step_by(step).enumerate().filter(|(_, value)| **value != NONE) {
        let strong = *value >= STRONG;
        match runs.last_mut() {
            Some(run) if run.end == x => {
                run.end = x + 1;
                run.strong |= strong;
            }
            _ => runs.push(Run { start: x, end: x + 1, strong }),
        }
    }
    runs
}

/// Runs of the last row seen, each with the number of its piece; and what is known of the pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Frontier {
    /// The runs and their pieces.
    pub(super) runs: Vec<(Run, usize)>,
    /// For each piece that reaches the row: whether it has a strong pixel.
    pub(super) strong: Vec<bool>,
}

/// What becomes of a piece of the frontier before a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It reaches the bottom of the part, as this piece there.
    Reaches(usize),
    /// It ends in the part, with a strong pixel or without.
    Ends(bool),
}

/// Joins the rows of a part to the frontier above it. Gives the frontier at its bottom, and what became of the
/// pieces of the one above.
pub(super) fn join(above: &Frontier, part: &[u8], shape: Shape) -> (Frontier, Vec<Link>) {
    // Rows are looked at twice and not kept: their runs would take more than what joins them.
    let rows = || part.chunks_exact(shape.row_bytes()).map(|row| runs(row, shape.step));
    let known = above.strong.len();
    let nodes = known + rows().map(|row| row.len()).sum::<usize>();
    let mut forest = DisjointSetForest::new(nodes);
    let mut strong = Vec::with_capacity(nodes);
    strong.extend_from_slice(&above.strong);
    let mut last: Vec<(Run, usize)> = above.runs.clone();
    for row in rows() {
        let first = strong.len();
        strong.extend(row.iter().map(|run| run.strong));
        let row: Vec<(Run, usize)> = row.into_iter().enumerate().map(|(at, run)| (run, first + at)).collect();
        touching(&last, &row, |upper, lower| forest.union(upper, lower));
        last = row;
    }
    let mut roots = vec![false; nodes];
    for (node, strong) in strong.iter().enumerate() {
        roots[forest.root(node)] |= strong;
    }
    number(&last, known, &mut forest, &roots)
}

/// Calls `join` for the pieces of each two runs that touch, corners included.
fn touching(upper: &[(Run, usize)], lower: &[(Run, usize)], mut join: impl FnMut(usize, usize)) {
    let mut upper = upper.iter().peekable();
    let mut lower = lower.iter().peekable();
    while let (Some((above, upper_piece)), Some((below, lower_piece))) = (upper.peek(), lower.peek()) {
        if above.start <= below.end && below.start <= above.end {
            join(*upper_piece, *lower_piece);
        }
        if above.end <= below.end {
            upper.next();
        } else {
            lower.next();
        }
    }
}

/// Numbers the pieces that reach the last row, and says what became of the first `known`.
fn number(
    last: &[(Run, usize)],
    known: usize,
    forest: &mut DisjointSetForest,
    roots: &[bool],
) -> (Frontier, Vec<Link>) {
    // Only the roots of the last row have one.
    let mut numbers: HashMap<usize, usize> = HashMap::with_capacity(last.len());
    let mut frontier = Frontier::default();
    for (run, node) in last {
        let root = forest.root(*node);
        let number = *numbers.entry(root).or_insert_with(|| {
            frontier.strong.push(roots[root]);
            frontier.strong.len() - 1
        });
        frontier.runs.push((*run, number));
    }
    let link = |node| {
        let root = forest.root(node);
        numbers.get(&root).map_or(Link::Ends(roots[root]), |number| Link::Reaches(*number))
    };
    let links = (0..known).map(link).collect();
    (frontier, links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_skip_alpha_and_know_strong_pixels() {
        let expected = [Run { start: 1, end: 3, strong: true }, Run { start: 4, end: 5, strong: false }];
        assert_eq!(runs(&[0, 1, 2, 0, 1], 1), expected);
        assert_eq!(runs(&[0, 9, 1, 9, 2, 9, 0, 9, 1, 9], 2), expected);
    }

    #[test]
    fn runs_touch_at_corners_and_not_beyond() {
        let run = |start, end| Run { start, end, strong: false };
        let upper = [(run(0, 2), 0), (run(4, 5), 1), (run(9, 10), 2)];
        let lower = [(run(2, 4), 3), (run(6, 8), 4), (run(8, 12), 5)];
        let mut pairs = Vec::new();
        touching(&upper, &lower, |upper, lower| pairs.push((upper, lower)));
        assert_eq!(pairs, [(0, 3), (1, 3), (2, 5)]);
    }

    #[test]
    fn pieces_are_joined_above_and_below() {
        let shape = Shape { width: 5, step: 1 };
        let (frontier, links) = join(&Frontier::default(), &[1, 0, 1, 0, 2], shape);
        assert!(links.is_empty());
        assert_eq!(frontier.strong, [false, false, true]);
        let (frontier, links) = join(&frontier, &[1, 1, 1, 0, 0, 1, 0, 1, 0, 0], shape);
        assert_eq!(links, [Link::Reaches(0), Link::Reaches(0), Link::Ends(true)]);
        assert_eq!(frontier.strong, [false]);
        assert_eq!(frontier.runs.iter().map(|(_, piece)| *piece).collect::<Vec<_>>(), [0, 0]);
    }
}
