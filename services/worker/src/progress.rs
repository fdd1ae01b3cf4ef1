//! What a worker has done and has in hand: written by its threads, read by its heart.
//!
//! Knows no clock but the instants it is given through `Instant::now`, and no Kafka.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::records::TaskHeader;
use tessera::heartbeat::{CurrentTile, FinishedTile, Heartbeat, TileOutcome};

/// Characters of a chain that are told.
const OPERATIONS_CHARS: usize = 100;

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
    /// The latest that were finished and that no delivered heartbeat has told of.
    finished: VecDeque<(FinishedTile, Instant)>,
    count: u64,
}

/// A tile in hand; dropping it puts the tile down.
#[derive(Debug)]
pub struct TileInHand<'a> {
    progress: &'a Progress,
    number: u64,
}

impl Progress {
    /// Nothing done yet.
    pub fn new() -> Self {
        let last_finished = Instant::now();
        let hands = Hands { tiles: BTreeMap::new(), last_finished, finished: VecDeque::new(), count: 0 };
        let zero = || AtomicU64::new(0);
        Self { done: zero(), failed: zero(), run_us: zero(), next: zero(), hands: Mutex::new(hands) }
    }

    /// Notes that a tile is taken in hand.
    pub fn begin(&self, task: &TaskHeader) -> TileInHand<'_> {
        let steps: Vec<String> = task.operations.steps().iter().map(ToString::to_string).collect();
        let operations = steps.join(" ").chars().take(OPERATIONS_CHARS).collect();
        let tile = CurrentTile { job: task.job, stage: task.stage, index: task.index, operations, for_ms: 0 };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.hands.lock().tiles.insert(number, (tile, Instant::now()));
        TileInHand { progress: self, number }
    }

    /// A heartbeat has arrived that told of the tiles up to `number`.
    pub fn told(&self, number: u64) {
        self.hands.lock().finished.retain(|(tile, _)| tile.number > number);
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
        beat.finished =
            hands.finished.iter().map(|(tile, at)| FinishedTile { ago_ms: since(at), ..tile.clone() }).collect();
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

impl TileInHand<'_> {
    /// Puts the tile down: its operations ended as `outcome` after `took`.
    pub fn finish(self, outcome: TileOutcome, took: Duration) {
        match outcome {
            TileOutcome::Done => {
                self.progress.run_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
                self.progress.done.fetch_add(1, Ordering::Relaxed);
            }
            TileOutcome::Failed => drop(self.progress.failed.fetch_add(1, Ordering::Relaxed)),
        }
        let mut hands = self.progress.hands.lock();
        let Some((tile, _)) = hands.tiles.get(&self.number) else { return };
        let CurrentTile { job, stage, index, operations, .. } = tile.clone();
        hands.count += 1;
        let (number, ms) = (hands.count, took.as_secs_f64() * 1000.0);
        let tile = FinishedTile { number, job, stage, index, operations, ms, outcome, ago_ms: 0 };
        if hands.finished.len() == Heartbeat::MAX_FINISHED {
            hands.finished.pop_front();
        }
        hands.finished.push_back((tile, Instant::now()));
    }
}

impl Drop for TileInHand<'_> {
    fn drop(&mut self) {
        let mut hands = self.progress.hands.lock();
        hands.tiles.remove(&self.number);
        hands.last_finished = Instant::now();
    }
}
