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
    let mut plane = Plane::new(map, width, 1);
    plane.begin_at_all(STRONG);
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
