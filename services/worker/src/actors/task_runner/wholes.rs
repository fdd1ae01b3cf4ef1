//! A whole picture's way through the worker: take, read, run, publish, acknowledge.
//!
//! Owns that no more are run at once than there are slots and memory, beside the tiles, whose slots they do not take: a
//! large picture must not keep tiles of other jobs waiting. While one is run, Redis is told how far it is and asked
//! whether it is still wanted.

mod attempting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::budget::Budget;
use tessera::bus::Delivery;
use tessera::bus::records::{StepTimes, TaskHeader, WholeResult};
use tessera::ending::{self, JobVerdict};
use tessera::heartbeat::TileOutcome;
use tessera::patience::{NoAnswer, insist};
use tessera::pipeline::WholeBudget;
use tokio::sync::Semaphore;

use super::{Published, TaskRunner};
use crate::WorkerConfig;
use crate::actors::in_hand::{TaskVerdict, name};
use crate::counters::TaskOutcome;
use crate::memory::WorkerMemory;
use crate::progress::Progress;
use crate::tile::Poison;

/// Between two notes that it waits for its turn; a note is believed for a quarter of a minute.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Each pyramid may hold this part of what there is for whole pictures.
const PYRAMID_PART: u64 = 8;

/// Places for whole pictures.
pub struct WholePlaces {
    slots: Semaphore,
    memory: Budget,
    budget: WholeBudget,
    progress: Arc<Progress>,
    delay: Duration,
    /// What making each pyramid may hold.
    pyramid_bytes: Option<u64>,
}

/// What came of a whole picture.
enum Came {
    Made(WholeResult, Vec<String>),
    /// It is not wanted any longer.
    Unwanted,
    /// This worker cannot run it: it is to be cut into tiles. Says why.
    AsTiles(String),
    Failed(String),
    Panicked(String),
    /// The worker stops.
    Stopped,
}

impl WholePlaces {
    /// As many as the worker has slots, within what `memory` has for them.
    pub fn new(config: &WorkerConfig, memory: &WorkerMemory, progress: &Arc<Progress>) -> Self {
        let delay = Duration::from_millis(config.tile_delay_ms);
        let slots = Semaphore::new(config.slots as usize);
        let budget = WholeBudget::of(config.memory_budget);
        let pyramid_bytes = config.previews.bytes(config.memory_budget);
        let pyramid_bytes = pyramid_bytes.map(|bytes| bytes.min(budget.bytes() / PYRAMID_PART));
        let (memory, progress) = (memory.wholes.clone(), progress.clone());
        Self { slots, budget, memory, progress, delay, pyramid_bytes }
    }

    pub(super) fn close(&self) {
        self.slots.close();
    }
}

impl TaskRunner {
    /// Runs a whole picture to its end.
    pub(super) async fn run_whole(&self, delivery: Delivery, task: &Arc<TaskHeader>) {
        let arrived = Instant::now();
        let Ok(place) = self.in_line(task, self.wholes.slots.acquire()).await else { return };
        match self.hand.verdict(task).await {
            TaskVerdict::Stop => return,
            TaskVerdict::Skip => {
                self.hand.forget(task);
                self.counts.ended(TaskOutcome::Skipped);
                return delivery.ack.done();
            }
            TaskVerdict::Condemned(poison) => return self.condemn(delivery, task, &poison).await,
            TaskVerdict::Run => {}
        }
        let waited = arrived.elapsed();
        self.counts.waited(waited);
        let begun = Instant::now();
        let in_hand = self.wholes.progress.begin(task);
        let came = self.whole(task).await;
        // The next picture need not wait until Kafka has this one's result.
        drop(place);
        let outcome = if matches!(came, Came::Made(..)) { TileOutcome::Done } else { TileOutcome::Failed };
        match &came {
            Came::Made(..) | Came::Failed(_) | Came::Panicked(_) => in_hand.finish(outcome, begun.elapsed()),
            Came::Unwanted | Came::AsTiles(_) | Came::Stopped => drop(in_hand),
        }
        let ms = StepTimes { wait: waited.as_secs_f32() * 1000.0, run: begun.elapsed().as_secs_f32() * 1000.0 };
        match came {
            Came::Made(result, remarks) => self.whole_made(delivery, task, (result, remarks), ms).await,
            Came::Unwanted => {
                self.hand.put_back(name(task)).await;
                self.counts.ended(TaskOutcome::Skipped);
                delivery.ack.done();
            }
            Came::AsTiles(why) => {
                self.hand.put_back(name(task)).await;
                self.ask(delivery, (task.job, task.stage, task.index), &why).await;
            }
            Came::Failed(reason) => self.whole_failed(delivery, task, &reason).await,
            Came::Panicked(reason) => self.remember(delivery, task, Poison { class: "panic", reason }),
            Came::Stopped => {}
        }
    }

    /// Waits for what a picture needs before it can be run, and tells Redis meanwhile that it waits in a line: else it would
    /// be taken for stuck, and sent once more.
    async fn in_line<T>(&self, task: &TaskHeader, turn: impl Future<Output = T>) -> T {
        let mut turn = std::pin::pin!(turn);
        loop {
            tokio::select! {
                turn = &mut turn => return turn,
                () = tokio::time::sleep(TELL_EVERY) => {}
            }
            if let Err(error) = self.state.waits_in_line(&[(task.job, task.stage)]).await {
                tracing::debug!(%error, "noting that a picture waits");
            }
        }
    }

    async fn whole_made(
        &self,
        delivery: Delivery,
        task: &TaskHeader,
        (result, remarks): (WholeResult, Vec<String>),
        ms: StepTimes,
    ) {
        let trace = delivery.headers.trace();
        if !remarks.is_empty() {
            let add = || self.state.add_notices(task.job, &remarks);
            match insist(&self.shutdown, "noting what the sender should know", add).await {
                Err(NoAnswer::Stopping) => return,
                Err(NoAnswer::Failed(error)) => tracing::warn!(%error, "noting what the sender should know"),
                Ok(()) => {}
            }
        }
        self.hand.finished(task);
        let info = tessera::pipeline::output_info(&task.operations, task.picture);
        let Ok(info) = info else {
            // Not reached: its plan was made of it.
            return self.whole_failed(delivery, task, "its operations do not fit the picture").await;
        };
        let send = async {
            match self.publisher.whole(task, (result, info), ms, trace.as_ref()).await {
                Published::Yes => {
                    self.counts.ended(TaskOutcome::Done);
                    tracing::debug!(wait_ms = ms.wait, run_ms = ms.run, "the picture is done");
                    delivery.ack.done();
                }
                Published::Never(reason) => self.remember(delivery, task, Poison { class: "unsendable", reason }),
                Published::Stopped => {}
            }
        };
        tokio::join!(send, self.hand.give_back_unless_taken(task));
    }

    /// Fails the job of a picture that cannot be read, or whose result cannot be written.
    async fn whole_failed(&self, delivery: Delivery, task: &TaskHeader, reason: &str) {
        let Some(store) = self.exchange.store() else { return };
        let verdict = JobVerdict::failed(task.job, Some(task.run), reason);
        let end = || ending::end(&self.state, store, &verdict, self.keep);
        match insist(&self.shutdown, "failing a job", end).await {
            Err(NoAnswer::Stopping) => return,
            Err(NoAnswer::Failed(error)) => tracing::error!(%error, job = %task.job, reason, "failing a job"),
            Ok(transition) => tracing::warn!(job = %task.job, ?transition, reason, "the job has failed"),
        }
        self.hand.give_back(task).await;
        if let Published::Stopped = self.publisher.ended(task.job, delivery.headers.trace().as_ref()).await {
            return;
        }
        self.counts.ended(TaskOutcome::Buried);
        delivery.ack.done();
    }
}
