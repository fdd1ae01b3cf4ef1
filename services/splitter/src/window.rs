//! How many tiles of a job may be out at once: pure, without locks and clock.
//!
//! A tile is out from when it is published in this pass until its bit is set. The window bounds what
//! lies in Kafka, and makes jobs fair to each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tiles out for each live slot.
const TILES_PER_SLOT: u32 = 4;
/// However few workers there are.
const FEWEST_TILES: usize = 8;
/// However many there are.
const MOST_TILES: usize = 1024;
/// Bytes of a job's tiles that are out at once.
const MOST_BYTES: u64 = 64 << 20;

/// Bytes that are out over all jobs of a process, and their limit.
#[derive(Clone, Debug)]
pub struct Ceiling {
    out: Arc<AtomicU64>,
    most: u64,
}

impl Ceiling {
    /// At most `most` bytes over all jobs.
    pub fn new(most: u64) -> Self {
        Self { out: Arc::default(), most }
    }

    /// Bytes that are out.
    pub fn outstanding(&self) -> u64 {
        self.out.load(Ordering::Relaxed)
    }
}

/// The tiles of one pass that are out.
#[derive(Debug)]
pub struct Window {
    out: BTreeMap<u32, u64>,
    bytes: u64,
    most_tiles: usize,
    ceiling: Ceiling,
}

impl Window {
    /// Nothing is out.
    pub fn new(ceiling: Ceiling) -> Self {
        Self { out: BTreeMap::new(), bytes: 0, most_tiles: FEWEST_TILES, ceiling }
    }

    /// Fits the window to the workers that live.
    pub fn set_live_slots(&mut self, slots: u32) {
        let wanted = usize::try_from(slots.saturating_mul(TILES_PER_SLOT)).unwrap_or(MOST_TILES);
        self.most_tiles = wanted.clamp(FEWEST_TILES, MOST_TILES);
    }

    /// Tiles that are out.
    pub fn tiles(&self) -> usize {
        self.out.len()
    }

    /// Whether a tile of `bytes` may go out. One always may, however large, so that every job moves on.
    pub fn admits(&self, bytes: u64) -> bool {
        let all = self.ceiling.out.load(Ordering::Relaxed);
        self.out.is_empty()
            || (self.out.len() < self.most_tiles
                && self.bytes.saturating_add(bytes) <= MOST_BYTES
                && all.saturating_add(bytes) <= self.ceiling.most)
    }

    /// Notes that a tile goes out.
    pub fn sent(&mut self, index: u32, bytes: u64) {
        if self.out.insert(index, bytes).is_none() {
            self.bytes += bytes;
            self.ceiling.out.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Takes out the tiles that `is_set` knows; says how many.
    pub fn settle(&mut self, is_set: impl Fn(u32) -> bool) -> usize {
        let before = (self.out.len(), self.bytes);
        let bytes = &mut self.bytes;
        self.out.retain(|index, size| {
            let stays = !is_set(*index);
            *bytes -= if stays { 0 } else { *size };
            stays
        });
        self.ceiling.out.fetch_sub(before.1 - self.bytes, Ordering::Relaxed);
        before.0 - self.out.len()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.ceiling.out.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_follows_the_slots_between_8_and_1024() {
        let mut window = Window::new(Ceiling::new(u64::MAX));
        for (slots, most) in [(0, 8), (2, 8), (3, 12), (64, 256), (100_000, 1024), (u32::MAX, 1024)] {
            window.set_live_slots(slots);
            assert_eq!(window.most_tiles, most, "{slots} slots");
        }
    }

    #[test]
    fn one_tile_always_goes_and_the_ceiling_is_shared() {
        let ceiling = Ceiling::new(100);
        let (mut one, mut other) = (Window::new(ceiling.clone()), Window::new(ceiling.clone()));
        assert!(one.admits(1000));
        one.sent(0, 90);
        assert!(!one.admits(20) && one.admits(10));
        other.sent(0, 5);
        assert!(!other.admits(6) && other.admits(5));
        drop(one);
        assert!(other.admits(95));
        drop(other);
        assert_eq!(ceiling.out.load(Ordering::Relaxed), 0);
    }

    proptest! {
        #[test]
        fn whatever_comes_back_in_any_order_the_bounds_hold(
            sizes in prop::collection::vec(1u64..20 << 20, 1..200),
            returns in prop::collection::vec(0u32..200, 0..400),
            slots in 0u32..20,
        ) {
            let ceiling = Ceiling::new(100 << 20);
            let mut window = Window::new(ceiling.clone());
            window.set_live_slots(slots);
            let (mut set, mut out) = (BTreeSet::new(), BTreeSet::new());
            let mut returns = returns.into_iter();
            for (index, size) in (0u32..).zip(&sizes) {
                while !window.admits(*size) {
                    let back = returns.next().or_else(|| out.first().copied()).unwrap();
                    set.insert(back);
                    let known = out.remove(&back);
                    prop_assert_eq!(window.settle(|index| set.contains(&index)), usize::from(known));
                }
                let first = out.is_empty();
                window.sent(index, *size);
                if set.contains(&index) {
                    window.settle(|index| set.contains(&index));
                } else {
                    out.insert(index);
                }
                let bytes: u64 = out.iter().map(|index| sizes[*index as usize]).sum();
                prop_assert_eq!(window.bytes, bytes);
                prop_assert_eq!(ceiling.out.load(Ordering::Relaxed), bytes);
                prop_assert!(out.len() <= (slots as usize * 4).max(8));
                prop_assert!(first || bytes <= 64 << 20);
            }
        }
    }
}
