//! The threads that run kernels, behind a bounded door.
//!
//! Owns how many tiles run at once. A thread outlives every tile: panics of kernels are caught in
//! [`crate::tile`]. Speaks to no Kafka and no Redis.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::budget::Share;
use tessera::bus::records::TaskHeader;
use tessera::heartbeat::TileOutcome;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::counters::WorkerCounters;
use crate::exchange::{Input, Output};
use crate::memory::WorkerMemory;
use crate::progress::Progress;
use crate::tile::{self, MadeTile, Poison};
use crate::{WorkerConfig, WorkerError};

/// A pool of threads that run tiles.
#[derive(Debug)]
pub struct TileExecutor {
    work: mpsc::Sender<Work>,
    slots: Semaphore,
    memory: WorkerMemory,
    threads: Vec<JoinHandle<()>>,
}

/// A place for a tile to be run.
#[derive(Debug)]
pub struct Slot<'a> {
    _permit: SemaphorePermit<'a>,
    _memory: Share,
}

/// What a tile is run with.
#[derive(Debug)]
pub struct Run {
    /// The task.
    pub task: Arc<TaskHeader>,
    /// Its pixels.
    pub pixels: Source,
    /// The slot that its result may go to.
    pub output: Option<Output>,
}

/// Where a task's pixels come from.
#[derive(Debug)]
pub enum Source {
    /// From its record.
    Record(Vec<u8>),
    /// From a slot.
    Slot(Input),
}

/// Why there is no tile.
#[derive(Debug)]
pub enum Setback {
    /// It can never be run.
    Poison(Poison),
    /// Its pixels are not where its record says; says why.
    Unread(String),
}

/// A tile that has been run, and for how long.
#[derive(Debug)]
pub struct Ran {
    /// What came out.
    pub outcome: Result<MadeTile, Setback>,
    /// How long it took.
    pub took: Duration,
}

struct Work {
    run: Run,
    reply: oneshot::Sender<Ran>,
}

impl TileExecutor {
    /// Starts a thread for each slot; all run tiles within `memory`.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        config: &WorkerConfig,
        memory: WorkerMemory,
        progress: &Arc<Progress>,
        counts: &WorkerCounters,
    ) -> Result<Self, WorkerError> {
        let (work, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let delay = Duration::from_millis(config.tile_delay_ms);
        let thread = |slot: u32| {
            let (queue, progress, counts) = (queue.clone(), progress.clone(), counts.clone());
            let name = format!("tile-executor-{slot}");
            let body = move || run_tiles(&queue, &progress, &counts, delay);
            std::thread::Builder::new().name(name).spawn(body).map_err(WorkerError::Thread)
        };
        let threads = (1..=config.slots).map(thread).collect::<Result<_, _>>()?;
        Ok(Self { work, slots: Semaphore::new(config.slots as usize), memory, threads })
    }

    /// Waits for a free slot with its memory, which is the caller's until it is dropped; `None` once closed.
    pub async fn slot(&self) -> Option<Slot<'_>> {
        let permit = self.slots.acquire().await.ok()?;
        Some(Slot { _permit: permit, _memory: self.memory.tile().await })
    }

    /// Runs a tile in the slot that `_slot` stands for; `None` if its thread is gone.
    pub async fn run(&self, run: Run, _slot: &Slot<'_>) -> Option<Ran> {
        let (reply, ran) = oneshot::channel();
        self.work.send(Work { run, reply }).ok()?;
        ran.await.ok()
    }

    /// Gives no more slots: those who wait for one get none.
    pub fn close(&self) {
        self.slots.close();
    }

    /// Whether all threads are there.
    pub fn is_whole(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }
}

fn run_tiles(queue: &Mutex<mpsc::Receiver<Work>>, progress: &Progress, counts: &WorkerCounters, delay: Duration) {
    // The memory of a result that was put into a slot takes the next tile's pixels.
    let mut spare = Vec::new();
    loop {
        // The lock is held while waiting: one thread waits for work, the others for the lock.
        let Ok(Work { run, reply }) = queue.lock().recv() else { return };
        let begun = Instant::now();
        let outcome = run_tile(run, &mut spare, progress, counts, delay);
        let took = begun.elapsed();
        // There is no one waiting for it when the worker stops; its record stays uncommitted.
        let _ = reply.send(Ran { outcome, took });
    }
}

fn run_tile(
    run: Run,
    spare: &mut Vec<u8>,
    progress: &Progress,
    counts: &WorkerCounters,
    delay: Duration,
) -> Result<MadeTile, Setback> {
    let Run { task, pixels, output } = run;
    let payload = match pixels {
        Source::Record(payload) => payload,
        Source::Slot(input) => {
            let mut buffer = std::mem::take(spare);
            input.read(&mut buffer).map_err(Setback::Unread)?;
            buffer
        }
    };
    let in_hand = progress.begin(&task);
    let begun = Instant::now();
    if !delay.is_zero() {
        std::thread::sleep(delay);
    }
    let mut step_begun = Instant::now();
    let outcome = tile::run(&task, payload, |step| {
        counts.ran(step, step_begun.elapsed());
        step_begun = Instant::now();
    });
    in_hand.finish(if outcome.is_ok() { TileOutcome::Done } else { TileOutcome::Failed }, begun.elapsed());
    let mut made = outcome.map_err(Setback::Poison)?;
    if output.is_some_and(|output| output.write(&made.value, made.crc32c)) {
        *spare = made.into_slot();
    }
    Ok(made)
}
