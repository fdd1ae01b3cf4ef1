//! Which slot a tile gets: slots whose tiles are set are used again, the lowest first, so that their pages stay cached.
//!
//! Pure: no files, no clock. A slot is free when its tile's result is durably accounted for, and not before: until then
//! a worker may still have to read it.

use std::collections::{BTreeSet, HashMap};

/// The slots of one stage's input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// The slot of each tile that is out.
    held: HashMap<u32, u32>,
    free: BTreeSet<u32>,
    slots: u32,
}

impl Ring {
    /// No slots yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The slots that an earlier pass left: what each says it holds, in their order. Tasks that name those of tiles that
    /// are not set may still lie unread, so these keep their slots.
    pub fn of(found: impl IntoIterator<Item = Option<u32>>, is_set: impl Fn(u32) -> bool) -> Self {
        let mut ring = Self::new();
        for tile in found {
            let slot = ring.slots;
            ring.slots = ring.slots.saturating_add(1);
            let kept = tile.filter(|tile| !is_set(*tile) && !ring.held.contains_key(tile));
            match kept {
                Some(tile) => drop(ring.held.insert(tile, slot)),
                None => drop(ring.free.insert(slot)),
            }
        }
        ring
    }

    /// The slot for tile `index`: the one that it has, or the lowest free one, or a new one.
    pub fn place(&mut self, index: u32) -> u32 {
        if let Some(slot) = self.held.get(&index) {
            return *slot;
        }
        let slot = self.free.pop_first().unwrap_or_else(|| {
            self.slots = self.slots.saturating_add(1);
            self.slots - 1
        });
        self.held.insert(index, slot);
        slot
    }

    /// Frees the slots of tiles that are set.
    pub fn settle(&mut self, is_set: impl Fn(u32) -> bool) {
        let free = &mut self.free;
        self.held.retain(|index, slot| {
            let stays = !is_set(*index);
            if !stays {
                free.insert(*slot);
            }
            stays
        });
    }

    /// How many slots there are, free or not.
    pub fn slots(&self) -> u32 {
        self.slots
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_are_used_again_and_never_while_their_tile_is_out() {
        let mut ring = Ring::new();
        assert_eq!([ring.place(10), ring.place(11), ring.place(12)], [0, 1, 2]);
        assert_eq!(ring.place(11), 1, "a tile that is sent again keeps its slot");
        ring.settle(|tile| tile == 11);
        assert_eq!([ring.place(13), ring.place(14)], [1, 3]);
        ring.settle(|tile| tile < 14);
        assert_eq!([ring.place(15), ring.place(16), ring.place(17), ring.place(18)], [0, 1, 2, 4]);
    }

    #[test]
    fn what_an_earlier_pass_has_out_keeps_its_slots() {
        let found = [Some(5), None, Some(6), Some(7), Some(5)];
        let mut ring = Ring::of(found, |tile| tile == 6);
        assert_eq!(ring.slots(), 5);
        assert_eq!([ring.place(7), ring.place(5)], [3, 0]);
        assert_eq!([ring.place(8), ring.place(9), ring.place(20), ring.place(21)], [1, 2, 4, 5]);
    }

    proptest! {
        /// Tiles go out while fewer than `window` are, come back in any order, and some are sent twice.
        #[test]
        fn no_two_tiles_that_are_out_share_a_slot_and_the_ring_is_no_larger_than_the_window(
            window in 1usize..20,
            steps in prop::collection::vec((any::<bool>(), 0usize..20), 1..400),
        ) {
            let (mut ring, mut out, mut set) = (Ring::new(), BTreeMap::new(), BTreeSet::new());
            let mut next = 0;
            for (goes_out, which) in steps {
                if goes_out && out.len() < window {
                    out.insert(next, ring.place(next));
                    next += 1;
                } else if let Some(tile) = out.keys().nth(which).copied() {
                    prop_assert_eq!(ring.place(tile), out[&tile]);
                    out.remove(&tile);
                    set.insert(tile);
                    ring.settle(|tile| set.contains(&tile));
                }
                let distinct: BTreeSet<u32> = out.values().copied().collect();
                prop_assert_eq!(distinct.len(), out.len());
                prop_assert!(ring.slots() as usize <= window);
            }
        }
    }
}
