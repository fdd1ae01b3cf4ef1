//! The eight ways to turn and mirror a picture, as arithmetic on places; pixels move in [`super::turned`].
//!
//! Owns where things land. A picture's size comes with every question, as a turn knows no picture.

use serde::{Deserialize, Serialize};

use super::{Margins, Rect, Size};

/// A turn or mirroring of a picture; rotations are clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Stays as it is.
    #[default]
    None,
    /// A quarter clockwise.
    Rotate90,
    /// A half.
    Rotate180,
    /// A quarter counterclockwise.
    Rotate270,
    /// Left and right change places.
    FlipHorizontal,
    /// Top and bottom change places.
    FlipVertical,
    /// Mirrored at the diagonal through the top left corner.
    Transpose,
    /// Mirrored at the diagonal through the top right corner.
    Transverse,
}

/// A turn in steps: columns and rows change places first, then each axis may be mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// Columns become rows.
    pub(super) swaps: bool,
    /// Left and right change places after that.
    pub(super) mirrors_x: bool,
    /// Top and bottom change places after that.
    pub(super) mirrors_y: bool,
}

impl Turn {
    /// All eight.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Rotate90,
        Self::Rotate180,
        Self::Rotate270,
        Self::FlipHorizontal,
        Self::FlipVertical,
        Self::Transpose,
        Self::Transverse,
    ];

    /// What makes a picture with this EXIF orientation (1 to 8) upright; `None` of another number.
    pub fn from_exif(orientation: u16) -> Option<Self> {
        Some(match orientation {
            1 => Self::None,
            2 => Self::FlipHorizontal,
            3 => Self::Rotate180,
            4 => Self::FlipVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => return None,
        })
    }

    /// The size of a turned picture.
    pub fn size(self, size: Size) -> Size {
        match self.parts().swaps {
            true => Size { width: size.height, height: size.width },
            false => size,
        }
    }

    /// Where a rectangle of a picture of size `picture` lands; it has to lie inside.
    pub fn rect(self, rect: Rect, picture: Size) -> Rect {
        let parts = self.parts();
        let Size { width, height } = self.size(picture);
        let Rect { mut x, mut y, .. } = rect;
        let turned = self.size(rect.size());
        if parts.swaps {
            (x, y) = (y, x);
        }
        if parts.mirrors_x {
            x = width.saturating_sub(x.saturating_add(turned.width));
        }
        if parts.mirrors_y {
            y = height.saturating_sub(y.saturating_add(turned.height));
        }
        Rect { x, y, width: turned.width, height: turned.height }
    }

    /// The margins of a turned tile.
    pub fn margins(self, margins: Margins) -> Margins {
        let parts = self.parts();
        let Margins { mut left, mut top, mut right, mut bottom } = margins;
        if parts.swaps {
            (left, top, right, bottom) = (top, left, bottom, right);
        }
        if parts.mirrors_x {
            (left, right) = (right, left);
        }
        if parts.mirrors_y {
            (top, bottom) = (bottom, top);
        }
        Margins { left, top, right, bottom }
    }

    /// This turn and then `next`, as one.
    pub fn then(self, next: Self) -> Self {
        let (first, second) = (self.parts(), next.parts());
        let (x, y) = match second.swaps {
            true => (first.mirrors_y, first.mirrors_x),
            false => (first.mirrors_x, first.mirrors_y),
        };
        Self::of(Parts {
            swaps: first.swaps != second.swaps,
            mirrors_x: x != second.mirrors_x,
            mirrors_y: y != second.mirrors_y,
        })
    }

    /// The turn that undoes this one.
    pub fn inverse(self) -> Self {
        match self {
            Self::Rotate90 => Self::Rotate270,
            Self::Rotate270 => Self::Rotate90,
            // The others undo themselves.
            turn => turn,
        }
    }

    /// Whether a picture's rows stay rows, in their order: only then is a turned row known from one row.
    pub fn keeps_row_order(self) -> bool {
        let parts = self.parts();
        !parts.swaps && !parts.mirrors_y
    }

    /// Whether columns become rows.
    pub fn swaps_sides(self) -> bool {
        self.parts().swaps
    }

    pub(super) fn parts(self) -> Parts {
        let (swaps, mirrors_x, mirrors_y) = match self {
            Self::None => (false, false, false),
            Self::FlipHorizontal => (false, true, false),
            Self::FlipVertical => (false, false, true),
            Self::Rotate180 => (false, true, true),
            Self::Transpose => (true, false, false),
            Self::Rotate90 => (true, true, false),
            Self::Rotate270 => (true, false, true),
            Self::Transverse => (true, true, true),
        };
        Parts { swaps, mirrors_x, mirrors_y }
    }

    fn of(parts: Parts) -> Self {
        match (parts.swaps, parts.mirrors_x, parts.mirrors_y) {
            (false, false, false) => Self::None,
            (false, true, false) => Self::FlipHorizontal,
            (false, false, true) => Self::FlipVertical,
            (false, true, true) => Self::Rotate180,
            (true, false, false) => Self::Transpose,
            (true, true, false) => Self::Rotate90,
            (true, false, true) => Self::Rotate270,
            (true, true, true) => Self::Transverse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: Size = Size { width: 7, height: 4 };

    fn pixel(turn: Turn, x: u32, y: u32, picture: Size) -> (u32, u32) {
        let rect = turn.rect(Rect { x, y, width: 1, height: 1 }, picture);
        (rect.x, rect.y)
    }

    #[test]
    fn pixels_go_where_the_operations_say() {
        let Size { width, height } = PICTURE;
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            assert_eq!(pixel(Turn::Rotate90, x, y, PICTURE), (height - 1 - y, x));
            assert_eq!(pixel(Turn::Rotate180, x, y, PICTURE), (width - 1 - x, height - 1 - y));
            assert_eq!(pixel(Turn::Rotate270, x, y, PICTURE), (y, width - 1 - x));
            assert_eq!(pixel(Turn::FlipHorizontal, x, y, PICTURE), (width - 1 - x, y));
            assert_eq!(pixel(Turn::FlipVertical, x, y, PICTURE), (x, height - 1 - y));
            assert_eq!(pixel(Turn::Transpose, x, y, PICTURE), (y, x));
        }
        let tile = Rect { x: 2, y: 1, width: 3, height: 2 };
        assert_eq!(Turn::Rotate90.rect(tile, PICTURE), Rect { x: 4 - 1 - 2, y: 2, width: 2, height: 3 });
        assert_eq!(Turn::Rotate270.rect(tile, PICTURE), Rect { x: 1, y: 7 - 2 - 3, width: 2, height: 3 });
    }

    #[test]
    fn two_turns_are_one() {
        for (first, second) in Turn::ALL.into_iter().flat_map(|first| Turn::ALL.map(|second| (first, second))) {
            let both = first.then(second);
            assert_eq!(first.then(first.inverse()), Turn::None);
            assert_eq!(both.size(PICTURE), second.size(first.size(PICTURE)));
            for (x, y) in [(0, 0), (6, 0), (2, 3)] {
                let (u, v) = pixel(first, x, y, PICTURE);
                let after = pixel(second, u, v, first.size(PICTURE));
                assert_eq!(pixel(both, x, y, PICTURE), after, "{first:?} then {second:?}");
            }
        }
    }

    #[test]
    fn a_tile_with_margins_turns_as_one() {
        let tile = Rect { x: 2, y: 1, width: 3, height: 2 };
        let margins = Margins { left: 2, top: 1, right: 1, bottom: 0 };
        let whole = Rect { x: 0, y: 0, width: 6, height: 3 };
        for turn in Turn::ALL {
            let (tile, around) = (turn.rect(tile, PICTURE), turn.margins(margins));
            let expected = turn.rect(whole, PICTURE);
            let (width, height) = (around.left + tile.width + around.right, around.top + tile.height + around.bottom);
            assert_eq!(Rect { x: tile.x - around.left, y: tile.y - around.top, width, height }, expected, "{turn:?}");
        }
    }
}
