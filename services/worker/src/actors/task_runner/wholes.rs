//! A whole picture's way through the worker: take, read, run, publish, acknowledge.
//!
//! Owns that no more are run at once than there are slots and memory, beside the tiles, whose slots they do not take: a
//! large picture must not keep tiles of other jobs waiting. While one is run, Redis is told how far it is and asked
//! whether it is still wanted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::budget::{Budget, Share};
use tessera::bus::Delivery;
use tessera::bus::records::{StepTimes, TaskHeader, WholeResult};
use tessera::ending::{self, JobVerdict};
use tessera::heartbeat::TileOutcome;
use tessera::job::Manifest;
use tessera::patience::{NoAnswer, insist};
use tessera::pipeline::WholeBudget;
use tessera::store::Store;
use tokio::sync::{Semaphore, oneshot};

use super::{Published, TaskRunner};
use crate::WorkerConfig;
use crate::actors::in_hand::{TaskVerdict, name};
use crate::counters::TaskOutcome;
use crate::memory::WorkerMemory;
use crate::progress::Progress;
use crate::pyramids::held_bytes;
use crate::tile::Poison;
use crate::whole::{WholeEnd, WholeWatch, WholeWork};

/// Between two looks at whether a picture is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two notes of how far it is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts while the store is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the store may be away before others are asked to run the picture in tiles: for longer than a restart takes.
const MOST_AWAY: Duration = Duration::from_secs(60);
/// Each pyramid may hold this part of what there is for whole pictures.
const PYRAMID_PART: u64 = 8;
/// How often a picture may be read otherwise than it lies in the store.
const MOST_MISREAD: u32 = 3;

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

/// Ends the attempt when those who wait for it do no longer.
struct StopOnDrop(Arc<WholeWatch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
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
        let Ok(place) = self.wholes.slots.acquire().await else { return };
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

    /// Runs it, again while the store is away.
    async fn whole(&self, task: &TaskHeader) -> Came {
        let Some(store) = self.exchange.store() else {
            return Came::AsTiles("this worker reaches no store (TESSERA_STORE)".to_owned());
        };
        let (mut away_since, mut misread) = (None, 0);
        loop {
            let problem = match self.attempt(store, task).await {
                Ok(came) => return came,
                Err(WholeEnd::Misread) => {
                    misread += 1;
                    if misread >= MOST_MISREAD {
                        let text = "reading the picture gave other bytes than were sent, again and again: look after the \
                                    disk and the memory of the machines, then retry";
                        return Came::Failed(text.to_owned());
                    }
                    "it was read otherwise than it was sent".to_owned()
                }
                Err(WholeEnd::Away(problem)) => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > MOST_AWAY {
                        return Came::AsTiles(problem);
                    }
                    problem
                }
                Err(WholeEnd::Failed(reason)) => return Came::Failed(reason),
                Err(WholeEnd::Panicked(reason)) => return Came::Panicked(reason),
                Err(WholeEnd::Stopped | WholeEnd::Made { .. }) => return Came::Unwanted,
            };
            tracing::warn!(problem, "a whole picture cannot be run now; it is tried again");
            tokio::time::sleep(PAUSE).await;
            match self.is_wanted(task).await {
                Some(true) => {}
                Some(false) => return Came::Unwanted,
                None => return Came::Stopped,
            }
        }
    }

    /// One attempt; as an error what may go better another time.
    async fn attempt(&self, store: &Store, task: &TaskHeader) -> Result<Came, WholeEnd> {
        let manifest = match store.manifest(task.job).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) if self.exchange.identity().await.is_some() => return Ok(Came::Unwanted),
            Ok(None) => return Err(WholeEnd::Away("the store is not where it was".to_owned())),
            Err(error) => return Err(WholeEnd::Away(error.to_string())),
        };
        if manifest.plan_hash() != task.plan {
            return Ok(Came::Unwanted);
        }
        let (needed, most) = (self.need(&manifest), self.wholes.memory.total());
        // A picture that leaves no room for them is run without.
        let with_pyramids = |bytes| needed.saturating_add(held_bytes(&manifest, bytes));
        let pyramid_bytes = self.wholes.pyramid_bytes.filter(|bytes| with_pyramids(*bytes) <= most);
        if needed > most {
            return Ok(Came::AsTiles(format!(
                "it needs {needed} bytes of memory, this worker has {most} for whole pictures"
            )));
        }
        let share = self.wholes.memory.reserve(pyramid_bytes.map_or(needed, with_pyramids)).await;
        let watch = Arc::new(WholeWatch::default());
        let work = WholeWork {
            store: store.clone(),
            runtime: tokio::runtime::Handle::current(),
            manifest,
            resources: self.wholes.budget.resources(),
            max_decode_bytes: most,
            pyramid_bytes,
            delay: self.wholes.delay,
            watch: watch.clone(),
        };
        match self.watched(task, work, share, watch).await {
            Some(WholeEnd::Made { token, written, remarks }) => {
                let result = WholeResult { token, bytes: written.bytes, digest: written.digest };
                Ok(Came::Made(result, remarks))
            }
            // Whatever it said: nothing can be said of a picture in a store that is away.
            Some(WholeEnd::Failed(reason)) if self.exchange.identity().await.is_none() => Err(WholeEnd::Away(reason)),
            Some(other) => Err(other),
            None => Ok(Came::Stopped),
        }
    }

    /// What a picture takes of this worker's memory.
    fn need(&self, manifest: &Manifest) -> u64 {
        let plan = &manifest.plan;
        let Some(stage) = plan.stage(0) else { return u64::MAX };
        let encoded = manifest.result_format().whole_bytes(plan.output).unwrap_or(0);
        self.wholes.budget.needs(&stage.steps, plan.input, encoded)
    }

    /// Runs it on a thread of its own, and tells and asks Redis meanwhile; `None` if the worker stops.
    async fn watched(
        &self,
        task: &TaskHeader,
        work: WholeWork,
        share: Share,
        watch: Arc<WholeWatch>,
    ) -> Option<WholeEnd> {
        let _stop = StopOnDrop(watch.clone());
        let (reply, mut ended) = oneshot::channel();
        let body = move || {
            let end = work.run();
            drop(share);
            // There is no one waiting for it when the worker stops.
            let _ = reply.send(end);
        };
        if let Err(error) = std::thread::Builder::new().name("whole-picture".to_owned()).spawn(body) {
            return Some(WholeEnd::Away(format!("no thread could be started: {error}")));
        }
        let mut noted: Option<Instant> = None;
        loop {
            if noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY) {
                noted = Some(Instant::now());
                let worker = &self.publisher.identity().worker;
                if let Err(error) = self.state.rows_done(task.job, worker, watch.permille()).await {
                    tracing::debug!(%error, "noting how far a picture is");
                }
            }
            tokio::select! {
                end = &mut ended => return end.ok(),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            // A Redis that is away says nothing about the job.
            if let Ok(false) = self.look(task).await {
                watch.stop();
            }
        }
    }

    async fn look(&self, task: &TaskHeader) -> Result<bool, tessera::state::StateError> {
        let views = self.state.windows(&[(task.job, task.stage)]).await?;
        Ok(views.first().is_some_and(|view| {
            view.status.is_some_and(|status| !status.is_terminal()) && view.run == task.run && !view.has(task.index)
        }))
    }

    /// As [`Self::look`], waiting for Redis; `None` if the worker stops first.
    async fn is_wanted(&self, task: &TaskHeader) -> Option<bool> {
        match insist(&self.shutdown, "looking at a job", || self.look(task)).await {
            Ok(is_wanted) => Some(is_wanted),
            Err(NoAnswer::Stopping) => None,
            // A key that does not read: whoever takes the result will say so.
            Err(NoAnswer::Failed(_)) => Some(true),
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
