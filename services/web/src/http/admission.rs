//! Who may upload now: asked before a byte of the body is read.
//!
//! Owns the places for uploads and a picture of the dependencies that is renewed in the background, so
//! that asking costs no round trip. Takes no upload itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tessera::budget::{Budget, Share};
use tessera::bus::Producer;
use tessera::config::LimitArgs;
use tessera::state::State;
use tessera::store::Store;
use tessera::telemetry::{Health, Shutdown};

use super::client::Client;
use super::grain::Crowd;
use super::places::{self, Holder, Places};
use super::problem::Problem;
use crate::config::WithoutWorkers;

/// How often the dependencies are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks at Redis for each at Kafka, whose answer costs a thread.
const REDIS_PER_KAFKA: u32 = 4;
/// How long an upload waits for a place before it is refused.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(4);
/// How long it waits for memory then.
const WAIT_FOR_MEMORY: Duration = Duration::from_secs(2);
/// Uploads that wait for a place, for each place.
const WAITING_PER_PLACE: usize = 8;
/// Room for a form's other fields and its framing beside the picture, in bytes.
pub(super) const FORM_BYTES: u64 = 128 * 1024;

/// What an upload holds: what has come, and the part that is being written.
pub(super) const UPLOAD_BYTES: u64 = 2 << 20;

/// The door to uploads.
#[derive(Debug)]
pub struct Admission {
    health: Health,
    places: Places,
    memory: Budget,
    without_workers: WithoutWorkers,
    wait: Duration,
    limits: LimitArgs,
    unfinished_jobs: AtomicU64,
    live_slots: AtomicU32,
    all_share: AtomicBool,
}

/// A place for an upload, until it is dropped.
#[derive(Debug)]
pub struct Place {
    place: places::Place,
    _memory: Share,
}

impl Place {
    /// The sender, who may be told to give way to others.
    pub fn holder(&self) -> &Arc<Holder> {
        self.place.holder()
    }
}

impl Admission {
    /// An admission that opens when `health` is well, for uploads that draw on `memory`.
    pub fn new(health: Health, limits: LimitArgs, memory: Budget, without_workers: WithoutWorkers) -> Self {
        let most_waiting = limits.max_uploads.saturating_mul(WAITING_PER_PLACE);
        Self {
            health,
            places: Places::new(limits.max_uploads, most_waiting),
            memory,
            without_workers,
            wait: WAIT_FOR_PLACE,
            limits,
            unfinished_jobs: AtomicU64::new(0),
            all_share: AtomicBool::new(false),
            // Until the first look nothing is said about workers.
            live_slots: AtomicU32::new(1),
        }
    }

    /// Uploads under way.
    pub fn uploads(&self) -> usize {
        self.places.taken()
    }

    /// Jobs that wait or run, at the last look.
    pub fn unfinished_jobs(&self) -> u64 {
        self.unfinished_jobs.load(Ordering::Relaxed)
    }

    /// What is going on while `unfinished` jobs wait or run, as far as it decides how a job is run.
    pub fn crowd(&self, unfinished: u64) -> Crowd {
        Crowd {
            unfinished,
            slots: self.live_slots.load(Ordering::Relaxed),
            all_share: self.all_share.load(Ordering::Relaxed),
        }
    }

    /// Whether any worker was alive at the last look.
    pub fn has_workers(&self) -> bool {
        self.live_slots.load(Ordering::Relaxed) > 0
    }

    /// Lets an upload in, or says why not.
    ///
    /// # Errors
    /// [`Problem::Unavailable`], [`Problem::TooMany`] or [`Problem::TooLarge`].
    pub async fn enter(&self, client: Client, content_length: Option<u64>) -> Result<Place, Problem> {
        self.check_dependencies()?;
        if self.without_workers == WithoutWorkers::Refuse && !self.has_workers() {
            return Err(Problem::Unavailable("no worker is alive, and without_workers is refuse".to_owned()));
        }
        let limits = &self.limits;
        if content_length.is_some_and(|length| length > limits.max_upload_bytes.saturating_add(FORM_BYTES)) {
            return Err(too_large(limits.max_upload_bytes));
        }
        if self.unfinished_jobs.load(Ordering::Relaxed) >= limits.max_queued_jobs {
            let text = format!("{} jobs wait or run already: max_queued_jobs", limits.max_queued_jobs);
            return Err(Problem::TooMany(text));
        }
        let busy = || Problem::Unavailable(format!("{} uploads are under way: max_uploads", limits.max_uploads));
        let place = self.places.enter(client, self.wait).await.ok_or_else(busy)?;
        let full = |_| Problem::Unavailable("uploads under way have all the memory there is: memory_budget".to_owned());
        let wait = self.wait.min(WAIT_FOR_MEMORY);
        let memory = tokio::time::timeout(wait, self.memory.reserve(UPLOAD_BYTES)).await.map_err(full)?;
        Ok(Place { place, _memory: memory })
    }

    /// Refuses while something that an upload needs is down.
    ///
    /// # Errors
    /// [`Problem::Unavailable`] with the name of what is down.
    pub fn check_dependencies(&self) -> Result<(), Problem> {
        let readiness = self.health.readiness();
        if readiness.ready {
            return Ok(());
        }
        let down = readiness.dependencies.iter().filter(|(_, state)| *state != "ok").map(|(name, _)| *name);
        let down: Vec<&str> = down.collect();
        let text = match down.as_slice() {
            [] => "the service is being stopped".to_owned(),
            names => format!("{} is not available now", names.join(" and ")),
        };
        Err(Problem::Unavailable(text))
    }

    /// Refuses while the store is not the system's or cannot be used: what is in it says nothing of a job.
    ///
    /// # Errors
    /// [`Problem::Unavailable`].
    pub fn check_store(&self) -> Result<(), Problem> {
        match self.health.readiness().dependencies.get("store") {
            Some(state) if state != "ok" => {
                Err(Problem::Unavailable("the store of this web service is not available now".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Looks at the dependencies until the stop is requested.
    pub async fn watch(&self, (state, store): (State, Store), producer: Producer, shutdown: Shutdown) {
        for look in 0_u32.. {
            self.look_at_redis(&state, &store).await;
            if look.is_multiple_of(REDIS_PER_KAFKA) || !self.health.is_ready() {
                self.health.set("kafka", producer.is_up().await.map_err(|error| error.to_string()));
            }
            if shutdown.requested_within(LOOK_EVERY).await {
                return;
            }
        }
    }

    async fn look_at_redis(&self, state: &State, store: &Store) {
        let outcome = async {
            state.ping().await?;
            let unfinished = state.queued().await?;
            self.unfinished_jobs.store(unfinished, Ordering::Relaxed);
            let crew = state.crew(store.identity().await.ok().flatten()).await?;
            self.live_slots.store(crew.slots, Ordering::Relaxed);
            self.all_share.store(crew.all_share(), Ordering::Relaxed);
            Ok(())
        };
        let outcome: Result<(), tessera::state::StateError> = outcome.await;
        self.health.set("redis", outcome.map_err(|error| error.to_string()));
    }
}

/// What is said of an upload over the limit.
pub fn too_large(max_upload_bytes: u64) -> Problem {
    Problem::TooLarge(format!("the picture has more than max_upload_bytes, {max_upload_bytes} bytes"))
}

#[cfg(test)]
mod tests;
