//! One task's way through the worker: decode, compare with the plan, take, read, run, produce, acknowledge.
//!
//! Owns the order of these steps, on which "at least once" rests: a record is acknowledged only when
//! its result, or its dead letter, is acknowledged by Kafka. Whatever ends a task early leaves the
//! record unacknowledged, and it comes again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::Delivery;
use tessera::bus::records::{PayloadKind, StepTimes, Task, TaskHeader};
use tessera::job::JobId;
use tessera::patience::answered;
use tessera::state::{PlannedStage, State, StateError, Take};
use tessera::telemetry::Shutdown;
use tessera::telemetry::logs::trace_id;
use tessera::telemetry::parts::text_of;
use tracing::Instrument;

use super::{Published, ResultPublisher, Run, Setback, Source, TileExecutor};
use crate::condemned::{is_condemned, is_suspect};
use crate::counters::{TaskOutcome, WorkerCounters};
use crate::exchange::Exchange;
use crate::plans::{Plans, Standing, without_plan};
use crate::tile::{MadeTile, Poison};

/// A finished tile is given back by itself if no other tile of its stage is taken for so long.
const GIVE_BACK_AFTER: Duration = Duration::from_millis(50);
/// Poisoned tiles that are remembered until their record comes again.
const MAX_POISONED: usize = 1024;

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
    /// Tiles that Redis may have noted against this start.
    taken: Mutex<HashSet<TileName>>,
    /// Of these, the finished ones, which are given back with the next one that is taken.
    finished: Mutex<Vec<TileName>>,
}

type TileName = (JobId, u32, u32, u32);

/// What is to be done with a task.
enum Verdict {
    Run,
    /// It is not wanted: the job ended, is at another stage, or has the tile.
    Skip,
    Condemned(Poison),
    /// The worker stops.
    Stop,
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
        keep: Duration,
        shutdown: Shutdown,
    ) -> Rc<Self> {
        let (plans, poisoned, taken) = (Plans::default(), Mutex::default(), Mutex::default());
        let finished = Mutex::default();
        Rc::new(Self { state, executor, publisher, exchange, counts, keep, shutdown, plans, poisoned, taken, finished })
    }

    /// The threads.
    pub fn executor(&self) -> &TileExecutor {
        &self.executor
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
        mut delivery: Delivery,
        task: Arc<TaskHeader>,
        planned: Option<Arc<PlannedStage>>,
        slot: Option<u32>,
    ) {
        let arrived = Instant::now();
        if let Some(reason) = delivery.spent() {
            return self.condemn(delivery, &task, &Poison { class: "spent", reason }).await;
        }
        let known = self.poisoned.lock().get(&name(&task)).cloned();
        if let Some(poison) = known {
            return self.condemn(delivery, &task, &poison).await;
        }
        // Taken only when it can be run at once: a tile that ends the process must not drag down its neighbours.
        let Some(place) = self.executor.slot().await else { return };
        match self.verdict(&task).await {
            Verdict::Stop => return,
            Verdict::Skip => {
                self.taken.lock().remove(&name(&task));
                self.counts.ended(TaskOutcome::Skipped);
                return delivery.ack.done();
            }
            Verdict::Condemned(poison) => return self.condemn(delivery, &task, &poison).await,
            Verdict::Run => {}
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
            Ok(made) => self.answer(delivery, &task, made, ms).await,
            Err(Setback::Poison(poison)) => self.remember(delivery, &task, poison),
            Err(Setback::Unread(why)) => self.unread(delivery, &task, &why).await,
        }
    }

    /// A task's pixels are not in their slot. If its bit is set the slot was used again, and the task is a duplicate;
    /// else the tile is asked for once more, with its pixels.
    async fn unread(&self, delivery: Delivery, task: &TaskHeader, why: &str) {
        match self.verdict(task).await {
            Verdict::Stop => {}
            Verdict::Skip => {
                self.taken.lock().remove(&name(task));
                self.counts.ended(TaskOutcome::Skipped);
                delivery.ack.done();
            }
            Verdict::Run | Verdict::Condemned(_) => {
                self.put_back(name(task)).await;
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

    async fn verdict(&self, task: &TaskHeader) -> Verdict {
        let incarnation = &self.publisher.identity().incarnation;
        self.taken.lock().insert(name(task));
        let back = self.finished_of(task);
        let indexes: Vec<u32> = back.iter().map(|(.., index)| *index).collect();
        let of = (task.job, task.stage, task.index);
        let take = async || self.state.take_and_give_back(of.0, of.1, of.2, incarnation, &indexes).await;
        let taken = answered(&self.shutdown, take).await;
        if let Some(Ok(_)) = &taken {
            let mut taken = self.taken.lock();
            // One that is taken again is in hand again.
            for tile in back.iter().filter(|tile| **tile != name(task)) {
                taken.remove(tile);
            }
        }
        let others = match taken {
            None => return Verdict::Stop,
            Some(Ok(Take::Skip)) => return Verdict::Skip,
            Some(Ok(Take::Run { others })) => others,
            Some(Err(error)) => {
                // To run a tile once more does no harm; not to run it might.
                tracing::warn!(%error, job = %task.job, tile = task.index, "taking a tile that redis knows nothing of");
                return Verdict::Run;
            }
        };
        if !is_suspect(&others) {
            return Verdict::Run;
        }
        match answered(&self.shutdown, async || self.state.live_incarnations().await).await {
            None => Verdict::Stop,
            Some(Ok(alive)) if is_condemned(&others, &alive) => Verdict::Condemned(Poison {
                class: "condemned",
                reason: format!("{} workers ended while they ran it", others.len()),
            }),
            Some(_) => Verdict::Run,
        }
    }

    /// Sends the tile, and gives it back meanwhile: what happens from here on is not the tile's doing.
    async fn answer(&self, delivery: Delivery, task: &TaskHeader, made: MadeTile, ms: StepTimes) {
        let trace = delivery.headers.trace();
        self.counts.carried(task.payload, made.payload);
        self.finished.lock().push(name(task));
        let send = async {
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
        tokio::join!(send, self.give_back_unless_taken(task));
    }

    /// Gives a finished tile back, unless the next one that is taken does so within a moment.
    async fn give_back_unless_taken(&self, task: &TaskHeader) {
        tokio::time::sleep(GIVE_BACK_AFTER).await;
        let is_held = {
            let mut finished = self.finished.lock();
            let at = finished.iter().position(|tile| *tile == name(task));
            at.map(|at| finished.swap_remove(at)).is_some()
        };
        if is_held {
            self.give_back(task).await;
        }
    }

    /// Takes out the finished tiles of a task's stage that are still to be given back.
    fn finished_of(&self, task: &TaskHeader) -> Vec<TileName> {
        let mut finished = self.finished.lock();
        let is_of = |(job, run, stage, _): &TileName| (*job, *run, *stage) == (task.job, task.run, task.stage);
        let (back, rest) = finished.drain(..).partition(is_of);
        *finished = rest;
        back
    }

    async fn give_back(&self, task: &TaskHeader) {
        let give = async || self.state.give_back(task.job, task.stage, task.index).await;
        match answered(&self.shutdown, give).await {
            Some(Ok(())) => drop(self.taken.lock().remove(&name(task))),
            Some(Err(error)) => tracing::warn!(%error, job = %task.job, tile = task.index, "giving a tile back"),
            None => {}
        }
    }

    /// The worker stops with tiles in hand, perhaps unfinished: that is not theirs to answer for.
    pub async fn hand_back(&self) {
        let taken: Vec<TileName> = self.taken.lock().iter().copied().collect();
        for tile in taken {
            self.put_back(tile).await;
        }
    }

    /// A tile was not run: this start is not held against it, those that ended with it still are.
    async fn put_back(&self, tile: TileName) {
        self.taken.lock().remove(&tile);
        let (job, _, stage, index) = tile;
        let incarnation = &self.publisher.identity().incarnation;
        if let Err(error) = self.state.hand_back(job, stage, index, incarnation).await {
            tracing::warn!(%error, %job, stage, tile = index, "handing back a tile that was not run");
        }
    }

    /// The record's bytes went into the kernels: it is asked for once more, to be buried as it came.
    fn remember(&self, delivery: Delivery, task: &TaskHeader, poison: Poison) {
        tracing::warn!(job = %task.job, stage = task.stage, tile = task.index, class = poison.class, poison.reason, "a tile cannot be run");
        let mut poisoned = self.poisoned.lock();
        if poisoned.len() >= MAX_POISONED {
            poisoned.clear();
        }
        poisoned.insert(name(task), poison);
        delivery.ack.retry();
    }

    /// Dead-letters a tile, fails its job, and lets the partition move on.
    async fn condemn(&self, delivery: Delivery, task: &TaskHeader, poison: &Poison) {
        if let Published::Stopped = self.publisher.dead_letter(&delivery, poison).await {
            return;
        }
        let reason = poison.of_tile(task);
        let fail = async || self.state.fail(task.job, &reason, self.keep).await;
        match answered(&self.shutdown, fail).await {
            None => return,
            Some(Err(error @ StateError::Data(_))) => {
                tracing::error!(%error, job = %task.job, reason, "failing a job");
            }
            Some(_) => tracing::warn!(job = %task.job, reason, "the job has failed"),
        }
        self.give_back(task).await;
        if let Published::Stopped = self.publisher.ended(task.job, delivery.headers.trace().as_ref()).await {
            return;
        }
        self.poisoned.lock().remove(&name(task));
        self.counts.ended(TaskOutcome::Buried);
        delivery.ack.done();
    }

    /// Dead-letters what is no task, and lets the partition move on.
    async fn bury(&self, delivery: Delivery, poison: &Poison) {
        let (partition, offset) = (delivery.partition, delivery.offset);
        match self.publisher.dead_letter(&delivery, poison).await {
            Published::Stopped => return,
            Published::Yes => {
                tracing::warn!(partition, offset, class = poison.class, poison.reason, "a task was dead-lettered")
            }
            Published::Never(why) => tracing::error!(partition, offset, why, "a task is dropped"),
        }
        self.counts.ended(TaskOutcome::Buried);
        delivery.ack.done();
    }
}

/// Reads what a record says; a panic is what the record did, not what this process did.
fn decode(delivery: &Delivery) -> Result<Task, Poison> {
    let read = || Task::decode(&delivery.headers, &delivery.payload);
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| Poison { class: "undecodable", reason: error.to_string() }),
        Err(panic) => {
            let reason = format!("reading the record panicked: {}", text_of(panic.as_ref()));
            Err(Poison { class: "panic", reason })
        }
    }
}

fn name(task: &TaskHeader) -> TileName {
    (task.job, task.run, task.stage, task.index)
}
