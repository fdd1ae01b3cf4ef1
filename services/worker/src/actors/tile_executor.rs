//! The threads that run kernels, behind a bounded door.
//!
//! Owns how many tiles run at once. A thread outlives every tile: panics of kernels are caught in
//! [`crate::tile`]. Speaks to no Kafka and no Redis.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::records::{TaskHeader, TileOutcome};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::progress::Progress;
use crate::tile::{self, MadeTile, Poison};
use crate::{WorkerConfig, WorkerError};

/// A pool of threads that run tiles.
#[derive(Debug)]
pub struct TileExecutor {
    work: mpsc::Sender<Work>,
    slots: Semaphore,
    threads: Vec<JoinHandle<()>>,
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
    /// Starts a thread for each slot.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(config: &WorkerConfig, progress: &Arc<Progress>) -> Result<Self, WorkerError> {
        let (work, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let delay = Duration::from_millis(config.tile_delay_ms);
        let thread = |slot: u32| {
            let (queue, progress) = (queue.clone(), progress.clone());
            let name = format!("tile-executor-{slot}");
            let body = move || run_tiles(&queue, &progress, delay);
            std::thread::Builder::new().name(name).spawn(body).map_err(WorkerError::Thread)
        };
        let threads = (1..=config.slots).map(thread).collect::<Result<_, _>>()?;
        Ok(Self { work, slots: Semaphore::new(config.slots as usize), threads })
    }

    /// Waits for a free slot, which is the caller's until the permit is dropped; `None` once closed.
    pub async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Runs a tile in the slot that `_slot` stands for; `None` if its thread is gone.
    pub async fn run(&self, task: Arc<TaskHeader>, payload: Vec<u8>, _slot: &SemaphorePermit<'_>) -> Option<Ran> {
        let (reply, ran) = oneshot::channel();
        self.work.send(Work { task, payload, reply }).ok()?;
        ran.await.ok()
    }

    /// Gives no more slots: whoever waits for one goes away empty-handed.
    pub fn close(&self) {
        self.slots.close();
    }

    /// Whether all threads are there.
    pub fn is_whole(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }
}

fn run_tiles(queue: &Mutex<mpsc::Receiver<Work>>, progress: &Progress, delay: Duration) {
    loop {
        // The lock is held while waiting: one thread waits for work, the others for the lock.
        let Ok(Work { task, payload, reply }) = queue.lock().recv() else { return };
        let in_hand = progress.begin(&task);
        let begun = Instant::now();
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        let outcome = tile::run(&task, payload);
        let took = begun.elapsed();
        in_hand.finish(if outcome.is_ok() { TileOutcome::Done } else { TileOutcome::Failed }, took);
        // Nobody waits for it when the worker stops; its record stays uncommitted.
        let _ = reply.send(Ran { outcome, took });
    }
}
