//! Which tiles of a stage are made, and by whom, as it is told to watchers: by worker, as ranges.
//!
//! Small whatever the number of tiles; adding what was told before changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use serde_json::{Map, Value, json};
use tessera::job::WorkerId;
use tessera::state::TileBy;

/// The tiles of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// Which stage of which run.
    pub of: (u32, u32),
    /// Who made each; `None` while it is missing.
    pub made: Vec<Option<TileBy>>,
}

impl Tiles {
    /// What to tell a watcher who knows `seen`; `None` if there is nothing new.
    pub fn since(&self, seen: Option<&Self>, names: &HashMap<u16, WorkerId>) -> Option<Value> {
        let seen = seen.filter(|seen| seen.of == self.of && seen.made.len() == self.made.len());
        // A tile that was taken out again (its slot was damaged) cannot be told as an addition.
        let is_growth = |seen: &Self| seen.made.iter().zip(&self.made).all(|(old, new)| old.is_none() || old == new);
        match seen.filter(|seen| is_growth(seen)) {
            Some(seen) if seen.made == self.made => None,
            Some(seen) => Some(self.told(names, |index| seen.made[index].is_none())),
            None => {
                let mut whole = self.told(names, |_| true);
                whole["reset"] = true.into();
                Some(whole)
            }
        }
    }

    fn told(&self, names: &HashMap<u16, WorkerId>, is_new: impl Fn(usize) -> bool) -> Value {
        let mut by_maker: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (index, tile) in self.made.iter().enumerate() {
            if let Some(tile) = tile.filter(|_| is_new(index)) {
                by_maker.entry(tile.worker_number).or_default().push(index);
            }
        }
        let name = |number: u16| names.get(&number).map_or_else(|| format!("worker {number}"), ToString::to_string);
        let made: Map<String, Value> =
            by_maker.into_iter().map(|(number, tiles)| (name(number), ranges(&tiles).into())).collect();
        json!({ "stage": self.of.1, "made": made })
    }
}

/// Ascending numbers as `0-3,7`.
fn ranges(numbers: &[usize]) -> String {
    let mut text = String::new();
    let mut rest = numbers;
    while let Some((first, _)) = rest.split_first() {
        let length = rest.iter().enumerate().take_while(|(at, number)| **number == first + at).count();
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a text cannot fail.
        let _ = match length {
            1 => write!(text, "{comma}{first}"),
            _ => write!(text, "{comma}{first}-{}", first + length - 1),
        };
        rest = &rest[length..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles(made: &[Option<u16>]) -> Tiles {
        let by = |number: &Option<u16>| number.map(|worker_number| TileBy { worker_number, attempt: 1, run_us: 0 });
        Tiles { of: (1, 0), made: made.iter().map(by).collect() }
    }

    #[test]
    fn only_new_tiles_are_told_and_what_went_is_told_as_a_whole() {
        let names = HashMap::from([(1, "a-1".parse().unwrap())]);
        let old = tiles(&[Some(1), None, None, None, None]);
        let new = tiles(&[Some(1), Some(1), Some(1), None, Some(2)]);
        let told = new.since(Some(&old), &names).unwrap();
        assert_eq!(told, json!({"stage": 0, "made": {"a-1": "1-2", "worker 2": "4"}}));
        assert_eq!(new.since(Some(&new), &names), None);
        let whole = json!({"stage": 0, "made": {"a-1": "0-2", "worker 2": "4"}, "reset": true});
        assert_eq!(new.since(None, &names).unwrap(), whole);
        assert_eq!(old.since(Some(&new), &names).unwrap()["reset"], true);
        let other_run = Tiles { of: (2, 0), ..new.clone() };
        assert_eq!(other_run.since(Some(&new), &names).unwrap()["reset"], true);
    }

    #[test]
    fn numbers_are_told_as_ranges() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3,7,9-10");
    }
}
