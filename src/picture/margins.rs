//! The halo of a tile: how many pixels beyond each of its sides.

use serde::{Deserialize, Serialize};

/// Pixels around a tile that its input has beyond it, clipped at the picture's edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margins {
    /// Columns before the tile.
    pub left: u32,
    /// Rows above the tile.
    pub top: u32,
    /// Columns after the tile.
    pub right: u32,
    /// Rows below the tile.
    pub bottom: u32,
}

impl Margins {
    /// At most `halo` on each side.
    pub fn at_most(self, halo: u32) -> Self {
        Self {
            left: self.left.min(halo),
            top: self.top.min(halo),
            right: self.right.min(halo),
            bottom: self.bottom.min(halo),
        }
    }
}
