//! What a worker has done and has in hand: written by its threads, read by its heart.
//!
//! Knows no clock but the instants it is given through `Instant::now`, and no Kafka.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::records::{CurrentTile, Heartbeat, TaskHeader};

/// Counters since this start, and the tiles in hand.
#[derive(Debug)]
pub struct Progress {
    done: AtomicU64,
    failed: AtomicU64,
    run_us: AtomicU64,
    next: AtomicU64,
    hands: Mutex<Hands>,
}

#[derive(Debug)]
struct Hands {
    tiles: BTreeMap<u64, (CurrentTile, Instant)>,
    last_finished: Instant,
}

/// A tile in hand; dropping it puts the tile down.
#[derive(Debug)]
pub struct InHand<'a> {
    progress: &'a Progress,
    number: u64,
}

impl Progress {
    /// Nothing done yet.
    pub fn new() -> Self {
        let hands = Hands { tiles: BTreeMap::new(), last_finished: Instant::now() };
        let zero = || AtomicU64::new(0);
        Self { done: zero(), failed: zero(), run_us: zero(), next: zero(), hands: Mutex::new(hands) }
    }

    /// Notes that a tile is taken in hand.
    pub fn begin(&self, task: &TaskHeader) -> InHand<'_> {
        let steps: Vec<String> = task.operations.steps().iter().map(ToString::to_string).collect();
        let operations = steps.join(" ").chars().take(200).collect();
        let tile = CurrentTile { job: task.job, stage: task.stage, index: task.index, operations, for_ms: 0 };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.hands.lock().tiles.insert(number, (tile, Instant::now()));
        InHand { progress: self, number }
    }

    /// Counts a tile whose operations were run in `took`.
    pub fn finished(&self, took: Duration) {
        self.run_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a tile that ended as a dead letter.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Tiles in hand now.
    pub fn in_hand(&self) -> usize {
        self.hands.lock().tiles.len()
    }

    /// Writes counters and tiles in hand into a heartbeat.
    pub fn fill(&self, beat: &mut Heartbeat) {
        beat.tiles_done = self.done.load(Ordering::Relaxed);
        beat.tiles_failed = self.failed.load(Ordering::Relaxed);
        let run_ms = self.run_us.load(Ordering::Relaxed) as f64 / 1000.0;
        beat.mean_ms = if beat.tiles_done == 0 { 0.0 } else { run_ms / beat.tiles_done as f64 };
        let hands = self.hands.lock();
        let since = |since: &Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let tiles = hands.tiles.values().take(Heartbeat::MAX_CURRENT);
        beat.current = tiles.map(|(tile, begun)| CurrentTile { for_ms: since(begun), ..tile.clone() }).collect();
        beat.busy = u32::try_from(hands.tiles.len()).unwrap_or(u32::MAX);
        // Idle time before the oldest tile in hand is not time in which the worker was stuck.
        let longest = beat.current.iter().map(|tile| tile.for_ms).max();
        beat.stuck_ms = longest.map(|longest| longest.min(since(&hands.last_finished)));
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let mut hands = self.progress.hands.lock();
        hands.tiles.remove(&self.number);
        hands.last_finished = Instant::now();
    }
}
