//! One task's way through the worker: decode, compare with the plan, take, read, run, produce, acknowledge.
//!
//! Owns the order of these steps, on which "at least once" rests: a record is acknowledged only when
//! its result, or its dead letter, is acknowledged by Kafka. Whatever ends a task early leaves the
//! record unacknowledged, and it comes again.

mod burying;
mod wholes;

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::Delivery;
use tessera::bus::records::{PayloadKind, StepTimes, Task, TaskHeader};
use tessera::job::JobId;
use tessera::patience::answered;
use tessera::state::{PlannedStage, State};
use tessera::telemetry::Shutdown;
use tessera::telemetry::logs::trace_id;
use tessera::telemetry::parts::read_record;
use tracing::Instrument;

pub use wholes::WholePlaces;

use super::in_hand::{TaskVerdict, TileName, TilesInHand, name};
use super::{Published, ResultPublisher, Run, Setback, Source, TileExecutor};
use crate::counters::{TaskOutcome, WorkerCounters};
use crate::exchange::Exchange;
use crate::gather::{Expected, Gather};
use crate::plans::{Plans, Standing, without_plan};
use crate::tile::{MadeTile, Poison};

/// What all tasks share.
pub struct TaskRunner {
    state: State,
    executor: TileExecutor,
    publisher: ResultPublisher,
    exchange: Exchange,
    counts: WorkerCounters,
    keep: Duration,
    shutdown: Shutdown,
    plans: Plans,
    poisoned: Mutex<HashMap<TileName, Poison>>,
    hand: TilesInHand,
    gather: Gather,
    wholes: WholePlaces,
}

impl fmt::Debug for TaskRunner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TaskRunner").field("executor", &self.executor).finish_non_exhaustive()
    }
}

impl TaskRunner {
    /// A runner on `executor`, answered through `publisher`.
    pub fn new(
        state: State,
        executor: TileExecutor,
        publisher: ResultPublisher,
        exchange: Exchange,
        counts: WorkerCounters,
        (keep, wholes): (Duration, WholePlaces),
        shutdown: Shutdown,
    ) -> Rc<Self> {
        let (plans, poisoned, gather) = (Plans::default(), Mutex::default(), Gather::default());
        let incarnation = publisher.identity().incarnation.clone();
        let hand = TilesInHand::new(state.clone(), incarnation, shutdown.clone());
        Rc::new(Self {
            state,
            executor,
            publisher,
            exchange,
            counts,
            keep,
            shutdown,
            plans,
            poisoned,
            hand,
            gather,
            wholes,
        })
    }

    /// The threads.
    pub fn executor(&self) -> &TileExecutor {
        &self.executor
    }

    /// Begins with no more: those who wait for a place get none.
    pub fn close(&self) {
        self.executor.close();
        self.wholes.close();
    }

    /// Runs one task to its end.
    pub async fn run(&self, delivery: Delivery) {
        let task = match decode(&delivery) {
            Ok(task) => task,
            Err(poison) => return self.bury(delivery, &poison).await,
        };
        let span = tracing::info_span!(
            "tile.execute",
            trace_id = trace_id(delivery.headers.trace().as_ref()),
            job = %task.job(),
            stage = task.stage(),
            tile = task.index(),
            attempt = task.attempt(),
            partition = delivery.partition,
            offset = delivery.offset,
        );
        self.compare(delivery, task).instrument(span).await;
    }

    /// Holds a task against its plan, before all else: a lie must not be taken for the tile that it names.
    async fn compare(&self, delivery: Delivery, task: Task) {
        let slot = match &task {
            Task::Inline(_) => None,
            Task::Slot(task) => Some(task.slot),
        };
        let standing =
            match answered(&self.shutdown, async || self.plans.standing(&self.state, task.clone()).await).await {
                None => return,
                Some(Ok(standing)) => standing,
                Some(Err(error)) => {
                    // A key that does not read: the tile may be run, whose result is compared with the manifest.
                    tracing::warn!(%error, job = %task.job(), tile = task.index(), "no plan to hold a task to");
                    without_plan(task)
                }
            };
        match standing {
            Standing::Agrees(task, planned) => self.execute(delivery, task, planned, slot).await,
            Standing::Unplanned(task) => {
                self.ask(delivery, (task.job, task.stage, task.index), "its job has no plan in redis").await;
            }
            Standing::Unwanted => {
                self.counts.ended(TaskOutcome::Skipped);
                delivery.ack.done();
            }
            Standing::Disagrees(reason) => self.bury(delivery, &Poison { class: "disagrees", reason }).await,
        }
    }

    async fn execute(
        &self,
        delivery: Delivery,
        task: Arc<TaskHeader>,
        planned: Option<Arc<PlannedStage>>,
        slot: Option<u32>,
    ) {
        if let Some(reason) = delivery.spent() {
            return self.condemn(delivery, &task, &Poison { class: "spent", reason }).await;
        }
        let known = self.poisoned.lock().get(&name(&task)).cloned();
        if let Some(poison) = known {
            return self.condemn(delivery, &task, &poison).await;
        }
        match planned.as_ref().map(|planned| planned.stage.is_whole()) {
            Some(true) => self.run_whole(delivery, &task).await,
            _ => self.run_tile(delivery, task, planned, slot).await,
        }
    }

    async fn run_tile(
        &self,
        mut delivery: Delivery,
        task: Arc<TaskHeader>,
        planned: Option<Arc<PlannedStage>>,
        slot: Option<u32>,
    ) {
        let (arrived, expected) = (Instant::now(), self.gather.begin());
        // Taken only when it can be run at once: a tile that ends the process must not drag down its neighbours.
        let Some(place) = self.executor.slot().await else { return };
        match self.hand.verdict(&task).await {
            TaskVerdict::Stop => return,
            TaskVerdict::Skip => {
                self.hand.forget(&task);
                self.counts.ended(TaskOutcome::Skipped);
                return delivery.ack.done();
            }
            TaskVerdict::Condemned(poison) => return self.condemn(delivery, &task, &poison).await,
            TaskVerdict::Run => {}
        }
        let waited = arrived.elapsed();
        self.counts.waited(waited);
        let pixels = match (slot, &planned) {
            (Some(slot), Some(planned)) => Source::Slot(self.exchange.input(&task, planned, slot)),
            _ => Source::Record(std::mem::take(&mut delivery.payload)),
        };
        let planned = planned.filter(|_| task.results == PayloadKind::Shared);
        let output = planned.map(|planned| self.exchange.output(&task, &planned));
        let ran = self.executor.run(Run { task: task.clone(), pixels, output }, &place).await;
        drop(place);
        let Some(ran) = ran else { return };
        let ms = StepTimes { wait: waited.as_secs_f32() * 1000.0, run: ran.took.as_secs_f32() * 1000.0 };
        match ran.outcome {
            Ok(made) => self.answer(delivery, &task, made, ms, expected).await,
            Err(Setback::Poison(poison)) => self.remember(delivery, &task, poison),
            Err(Setback::Unread(why)) => self.unread(delivery, &task, &why).await,
        }
    }

    /// A task's pixels are not in their slot. If its bit is set the slot was used again, and the task is a duplicate;
    /// else the tile is asked for once more, with its pixels.
    async fn unread(&self, delivery: Delivery, task: &TaskHeader, why: &str) {
        match self.hand.verdict(task).await {
            TaskVerdict::Stop => {}
            TaskVerdict::Skip => {
                self.hand.forget(task);
                self.counts.ended(TaskOutcome::Skipped);
                delivery.ack.done();
            }
            TaskVerdict::Run | TaskVerdict::Condemned(_) => {
                self.hand.put_back(name(task)).await;
                self.ask(delivery, (task.job, task.stage, task.index), why).await;
            }
        }
    }

    /// Asks for a tile once more, with its pixels, and lets go of a record that does not lead to them.
    async fn ask(&self, delivery: Delivery, tile: (JobId, u32, u32), why: &str) {
        tracing::warn!(why, "a tile is asked for with its pixels");
        match self.publisher.resend(tile, why, delivery.headers.trace().as_ref()).await {
            Published::Yes => {
                self.counts.ended(TaskOutcome::AskedInline);
                delivery.ack.done();
            }
            Published::Never(reason) => delivery.ack.fail(reason),
            Published::Stopped => {}
        }
    }

    /// Sends the tile, and gives it back meanwhile: what happens from here on is not the tile's doing.
    async fn answer(
        &self,
        delivery: Delivery,
        task: &TaskHeader,
        made: MadeTile,
        ms: StepTimes,
        expected: Expected<'_>,
    ) {
        let trace = delivery.headers.trace();
        self.counts.carried(task.payload, made.payload);
        self.hand.finished(task);
        let send = async {
            self.gather.with_others(expected).await;
            match self.publisher.tile(task, made, ms, trace.as_ref()).await {
                Published::Yes => {
                    self.counts.ended(TaskOutcome::Done);
                    tracing::debug!(wait_ms = ms.wait, run_ms = ms.run, "the tile is done");
                    delivery.ack.done();
                }
                Published::Never(reason) => self.remember(delivery, task, Poison { class: "unsendable", reason }),
                Published::Stopped => {}
            }
        };
        tokio::join!(send, self.hand.give_back_unless_taken(task));
    }

    /// The worker stops with tiles in hand, perhaps unfinished: that is not theirs to answer for.
    pub async fn hand_back(&self) {
        self.hand.hand_back().await;
    }
}

fn decode(delivery: &Delivery) -> Result<Task, Poison> {
    match read_record(|| Task::decode(&delivery.headers, &delivery.payload)) {
        Ok(read) => read.map_err(|error| Poison { class: "undecodable", reason: error.to_string() }),
        Err(reason) => Err(Poison { class: "panic", reason }),
    }
}
