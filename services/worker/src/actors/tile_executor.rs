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

/// A tile that has been run, and for how long.
#[derive(Debug)]
pub struct Ran {
    /// What came out.
    pub outcome: Result<MadeTile, Poison>,
    /// How long it took.
    pub took: Duration,
}

struct Work {
    task: Arc<TaskHeader>,
    payload: Vec<u8>,
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
    pub async fn run(&self, task: Arc<TaskHeader>, payload: Vec<u8>, _slot: &Slot<'_>) -> Option<Ran> {
        let (reply, ran) = oneshot::channel();
        self.work.send(Work { task, payload, reply }).ok()?;
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
    loop {
        // The lock is held while waiting: one thread waits for work, the others for the lock.
        let Ok(Work { task, payload, reply }) = queue.lock().recv() else { return };
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
        let took = begun.elapsed();
        in_hand.finish(if outcome.is_ok() { TileOutcome::Done } else { TileOutcome::Failed }, took);
        // There is no one waiting for it when the worker stops; its record stays uncommitted.
        let _ = reply.send(Ran { outcome, took });
    }
}
