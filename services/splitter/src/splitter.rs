//! What every part of a splitter shares: its clients, its memory and the passes under way.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::Producer;
use tessera::job::{JobId, Token};
use tessera::state::{Crew, State, StateError};
use tessera::store::{Store, StoreId};
use tessera::telemetry::Shutdown;
use tokio::sync::Notify;

use crate::Config;
use crate::counters::SplitterCounters;
use crate::gate::{Gate, Stop};
use crate::logs::Logs;
use crate::memory::SplitterMemory;
use crate::slots::Sharing;
use crate::whole_places::WholePlaces;
use crate::window::Ceiling;

/// Between two counts of the workers.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// The clients of a splitter and what its parts tell each other.
pub struct Splitter {
    /// The settings.
    pub config: Config,
    /// This splitter's name, for people.
    name: Mutex<String>,
    /// Redis.
    pub state: State,
    /// The store.
    pub store: Store,
    /// Kafka.
    pub producer: Producer,
    /// Kafka's logs, as far as they are known.
    pub logs: Logs,
    /// The memory budget.
    pub memory: SplitterMemory,
    /// Bytes that are out over all jobs.
    pub ceiling: Ceiling,
    /// What is counted.
    pub counts: SplitterCounters,
    /// The request to stop.
    pub shutdown: Shutdown,
    /// Whether tiles go by reference.
    pub sharing: Sharing,
    /// Whole pictures that are out.
    pub whole_places: Mutex<WholePlaces>,
    /// Whether tiles come back so quickly that they travel together.
    pub are_quick: AtomicBool,
    crew: Mutex<Option<(Crew, Instant)>>,
    store_id: Mutex<Option<StoreId>>,
    /// Rung when a job may have become ready.
    pub doorbell: Notify,
    /// Rung when a pass begins.
    pub watch: Notify,
    passes: Mutex<HashMap<JobId, Pass>>,
}

/// A pass under way, as the watcher sees it.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The stage that is read for.
    pub stage: u32,
    /// The lease; none where all is sent and only its return is awaited.
    pub lease: Option<Token>,
    /// Where its thread waits.
    pub gate: Arc<Gate>,
}

impl fmt::Debug for Splitter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Splitter").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Splitter {
    /// The name of this splitter, for its leases.
    pub fn name(&self) -> String {
        self.name.lock().clone()
    }

    /// Takes the name that this splitter has got.
    pub fn rename(&self, name: &str) {
        name.clone_into(&mut self.name.lock());
    }

    /// A splitter without passes.
    pub fn new(
        config: Config,
        state: State,
        store: Store,
        producer: Producer,
        logs: Logs,
        memory: SplitterMemory,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        let name = Mutex::new(config.service.name_or("splitter"));
        let ceiling = Ceiling::new(config.limits.max_outstanding_bytes);
        let (doorbell, watch) = (Notify::new(), Notify::new());
        let (counts, passes) = (SplitterCounters::default(), Mutex::default());
        let sharing = Sharing::new(config.passes.payload);
        Arc::new(Self {
            config,
            name,
            state,
            store,
            producer,
            logs,
            memory,
            ceiling,
            counts,
            shutdown,
            sharing,
            whole_places: Mutex::default(),
            are_quick: AtomicBool::new(false),
            crew: Mutex::default(),
            store_id: Mutex::default(),
            doorbell,
            watch,
            passes,
        })
    }

    /// Shows a pass to the watcher until the guard is dropped.
    pub fn open(self: &Arc<Self>, job: JobId, pass: Pass) -> OpenPass {
        self.passes.lock().insert(job, pass);
        self.watch.notify_one();
        OpenPass { splitter: self.clone(), job }
    }

    /// The workers that take tiles, counted anew if that is long ago; notes whether all of them reach this store.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn crew(&self) -> Result<Crew, StateError> {
        let known = *self.crew.lock();
        if let Some((crew, at)) = known
            && at.elapsed() < COUNT_EVERY
        {
            return Ok(crew);
        }
        let crew = self.state.crew(self.store_id().await).await?;
        self.sharing.set(crew.all_share());
        *self.crew.lock() = Some((crew, Instant::now()));
        Ok(crew)
    }

    /// The slots of the workers that take tiles, as last counted.
    pub fn live_slots(&self) -> u32 {
        self.crew.lock().map_or(0, |(crew, _)| crew.slots)
    }

    /// This store's id. It is the system's, else no picture is read, and does not change.
    async fn store_id(&self) -> Option<StoreId> {
        let known = *self.store_id.lock();
        if known.is_some() {
            return known;
        }
        let found = self.store.identity().await.ok().flatten();
        *self.store_id.lock() = found;
        found
    }

    /// The passes under way.
    pub fn passes(&self) -> Vec<(JobId, Pass)> {
        self.passes.lock().iter().map(|(job, pass)| (*job, pass.clone())).collect()
    }

    /// Ends all passes.
    pub fn stop_all(&self, why: Stop) {
        self.passes.lock().values().for_each(|pass| pass.gate.stop(why));
    }
}

/// Takes a pass out of the watcher's sight when it is dropped.
#[derive(Debug)]
pub struct OpenPass {
    splitter: Arc<Splitter>,
    job: JobId,
}

impl Drop for OpenPass {
    fn drop(&mut self) {
        self.splitter.passes.lock().remove(&self.job);
    }
}
