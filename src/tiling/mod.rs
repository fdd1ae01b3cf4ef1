//! Cutting: which tiles a picture has, which rows they need, and the bands they are cut from.
//!
//! Owns rectangles, halos and bands. Knows nothing of files, Kafka or what is done to a tile.

mod band;
mod grid;
mod turned;

pub use band::{Band, BandReader};
pub use grid::Grid;
pub use turned::TurnedGrid;
