//! The tiles of a stage as a drawing: who made which.
//!
//! One path for each worker, so that the page stays small whatever the number of tiles.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use tessera::job::WorkerId;
use tessera::state::TileBy;

use crate::http::jobs::tiles::MAX_DRAWN;

/// Colours of workers; further ones start over.
const COLOURS: usize = 8;

/// A grid of tiles.
#[derive(Debug, PartialEq, Eq)]
pub struct Mosaic {
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
    /// Who made tiles, by name.
    pub makers: Vec<Maker>,
    /// Tiles that were sent more than once.
    pub repeated: usize,
}

/// A worker's share.
#[derive(Debug, PartialEq, Eq)]
pub struct Maker {
    /// Its name.
    pub name: String,
    /// Its colour's number.
    pub colour: usize,
    /// Its tiles.
    pub tiles: usize,
    /// They, as path data with a tile as unit.
    pub path: String,
}

impl Mosaic {
    /// Draws tiles that are numbered row by row.
    pub fn draw(columns: u32, rows: u32, tiles: &[Option<TileBy>], names: &HashMap<u16, WorkerId>) -> Option<Self> {
        let drawn = columns.checked_mul(rows).filter(|drawn| (1..=MAX_DRAWN).contains(drawn))?;
        let mut by_maker: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let made = (0..drawn).zip(tiles).filter_map(|(index, tile)| Some((index, tile.as_ref()?)));
        for (index, tile) in made.clone() {
            let unknown = || format!("worker {}", tile.worker_number);
            let name = names.get(&tile.worker_number).map_or_else(unknown, ToString::to_string);
            let (count, path) = by_maker.entry(name).or_default();
            *count += 1;
            // Writing to a text cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", index % columns, index / columns);
        }
        let repeated = made.filter(|(_, tile)| tile.attempt > 1).count();
        let maker = |(at, (name, (tiles, path)))| Maker { name, colour: at % COLOURS, tiles, path };
        Some(Self { columns, rows, makers: by_maker.into_iter().enumerate().map(maker).collect(), repeated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_one_path() {
        let names = HashMap::from([(1, "a-1".parse().unwrap()), (2, "b-1".parse().unwrap())]);
        let by = |worker_number, attempt| Some(TileBy { worker_number, attempt, run_us: 0 });
        let tiles = [by(2, 1), None, by(1, 2), by(2, 1), by(9, 1), None];
        let mosaic = Mosaic::draw(3, 2, &tiles, &names).unwrap();
        let shown: Vec<(&str, usize, &str)> =
            mosaic.makers.iter().map(|maker| (maker.name.as_str(), maker.tiles, maker.path.as_str())).collect();
        let expected =
            [("a-1", 1, "M2 0h1v1h-1z"), ("b-1", 2, "M0 0h1v1h-1zM0 1h1v1h-1z"), ("worker 9", 1, "M1 1h1v1h-1z")];
        assert_eq!(shown, expected);
        assert_eq!(mosaic.repeated, 1);
    }

    #[test]
    fn a_grid_that_is_empty_or_too_large_is_not_drawn() {
        for (columns, rows) in [(0, 5), (65, 64), (u32::MAX, 2)] {
            assert_eq!(Mosaic::draw(columns, rows, &[], &HashMap::new()), None);
        }
        assert!(Mosaic::draw(64, 64, &[], &HashMap::new()).is_some());
    }
}
