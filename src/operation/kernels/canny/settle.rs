//! What a tile can tell of its map by itself.

use crate::linking::{Plane, STRONG, WEAK};

/// While it is not known what is on the other side of a seam.
const OPEN: u8 = 3;

/// On which sides of a tile the picture goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seams {
    pub(super) left: bool,
    pub(super) top: bool,
    pub(super) right: bool,
    pub(super) bottom: bool,
}

/// Makes weak pixels strong that are joined to a strong one, and drops those whose piece touches no seam.
pub(super) fn settle(map: &mut [u8], width: usize, seams: Seams) {
    let seeds = seeds(map, width);
    let mut plane = Plane::new(map, width, 1);
    seeds.into_iter().for_each(|(x, y)| plane.begin(x, y, STRONG));
    plane.spread(WEAK, STRONG);
    let height = plane.height();
    let sides = [(seams.top, 0), (seams.bottom, height - 1)];
    let rows = sides.into_iter().filter(|(seam, _)| *seam).flat_map(|(_, y)| (0..width).map(move |x| (x, y)));
    let sides = [(seams.left, 0), (seams.right, width - 1)];
    let columns = sides.into_iter().filter(|(seam, _)| *seam).flat_map(|(_, x)| (0..height).map(move |y| (x, y)));
    for (x, y) in rows.chain(columns) {
        if plane.at(x, y) == WEAK {
            plane.begin(x, y, OPEN);
        }
    }
    plane.spread(WEAK, OPEN);
    map.iter_mut().for_each(|value| *value = settled(*value));
}

/// Column and row of the strong pixels that have a weak neighbour, and of a few others, which do no harm.
fn seeds(map: &[u8], width: usize) -> Vec<(usize, usize)> {
    const ONES: u64 = u64::MAX / 255;
    let mut seeds = Vec::new();
    let mut take = |at: usize| seeds.push((at % width, at / width));
    // Eight pixels at once, as far as all have a pixel before and after them in the rows above and below: the first of
    // a row has the last of another, too.
    let inner = width + 1..map.len().saturating_sub(width + size_of::<u64>()).max(width + 1);
    let whole = inner.len() / size_of::<u64>() * size_of::<u64>();
    for start in inner.clone().step_by(size_of::<u64>()).take(whole / size_of::<u64>()) {
        let around =
            [start - width, start, start + width].map(|at| word(map, at - 1) | word(map, at) | word(map, at + 1));
        let mut found = (word(map, start) >> 1) & (around[0] | around[1] | around[2]) & ONES;
        while found != 0 {
            take(start + found.trailing_zeros() as usize / 8);
            found &= found - 1;
        }
    }
    let strong = |at: &usize| map.get(*at) == Some(&STRONG);
    (0..inner.start).chain(inner.start + whole..map.len()).filter(strong).for_each(take);
    seeds
}

/// Eight pixels from one on, the first in the lowest bits.
fn word(map: &[u8], at: usize) -> u64 {
    map.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What a pixel is in the end. What is weak still touches no seam; open becomes weak. In bits, so that many
/// are done at once.
fn settled(value: u8) -> u8 {
    (value & STRONG) - (value & value >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::NONE;

    const NOWHERE: Seams = Seams { left: false, top: false, right: false, bottom: false };

    #[test]
    fn every_strong_pixel_beside_a_weak_one_is_a_seed() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (5, 4), (13, 11), (64, 3)] {
            let map: Vec<u8> = (0..width * height).map(|at: usize| (at * at * 7 % 11 % 3) as u8).collect();
            let seeds = seeds(&map, width);
            let at = |x: usize, y: usize| map[y * width + x];
            assert!(seeds.iter().all(|(x, y)| at(*x, *y) == STRONG));
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                let rows = y.saturating_sub(1)..(y + 2).min(height);
                let mut around = rows.flat_map(|y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (x, y)));
                let needed = at(x, y) == STRONG && around.any(|(x, y)| at(x, y) == WEAK);
                assert!(!needed || seeds.contains(&(x, y)), "{x},{y} of {width}x{height}");
            }
        }
    }

    #[test]
    fn open_pixels_become_weak_and_weak_ones_none() {
        assert_eq!([NONE, WEAK, STRONG, OPEN].map(super::settled), [NONE, NONE, STRONG, WEAK]);
    }

    #[test]
    fn pieces_that_touch_no_seam_are_settled() {
        let map = [1, 0, 2, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1];
        let settled = |seams| {
            let mut map = map;
            settle(&mut map, 5, seams);
            map
        };
        assert_eq!(settled(NOWHERE), [0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        let left = settled(Seams { left: true, ..NOWHERE });
        assert_eq!(left, [1, 0, 2, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0]);
        let right = settled(Seams { right: true, ..NOWHERE });
        assert_eq!(right, [0, 0, 2, 0, 1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 1]);
        let bottom = settled(Seams { bottom: true, ..NOWHERE });
        assert_eq!(bottom, [0, 0, 2, 0, 1, 0, 0, 2, 0, 1, 1, 0, 0, 0, 1]);
    }
}
