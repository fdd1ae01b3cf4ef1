//! One store for all services of a system: a service of another store is not ready and takes no work.
//!
//! Owns the comparison of a store's id with the system's, which is in Redis and set by the first service, and what
//! is said of a difference. A process that has once seen which store is the system's does not forget it, so that a
//! Redis that lost its data does not make a stranger's store the system's.

use std::time::Duration;

use crate::config::ServiceArgs;
use crate::state::{State, StateError, SystemStore};
use crate::store::{Store, StoreError, StoreId};
use crate::telemetry::{Health, Shutdown};

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The name of the dependency on the health page.
const DEPENDENCY: &str = "store";

/// Why a service cannot work with its store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreProblem {
    /// It is not the system's.
    #[error("{0}")]
    Another(String),
    /// It cannot be said whose it is, or nothing can be written to it: it may pass.
    #[error("{0}")]
    Unusable(String),
}

/// A service's store beside the system's.
#[derive(Clone)]
pub struct SameStore {
    store: Store,
    state: State,
    service: String,
    /// What was last seen to be the system's.
    system: Option<SystemStore>,
    /// The problem that was logged last.
    logged: Option<StoreProblem>,
}

impl SameStore {
    /// The store of the service called `service`, not yet looked at.
    pub fn new(store: &Store, state: &State, service: &str) -> Self {
        let service = format!("{service} on {}", ServiceArgs::host());
        Self { store: store.clone(), state: state.clone(), service, system: None, logged: None }
    }

    /// Compares the store with the system's. The first service of a new system makes its own store the system's.
    ///
    /// # Errors
    /// [`StoreProblem`], whose text says what to do.
    pub async fn look(&mut self) -> Result<(), StoreProblem> {
        // In this order: whoever makes a store the system's has given it its id before.
        let system = self.state.system_store().await;
        let own = self.store.identity().await.map_err(|error| unusable(&self.store, &error))?;
        let place = self.store.place();
        let (own, system) = match system {
            Ok(Some(system)) => (own, system),
            Ok(None) => self.first(own).await?,
            // What was seen before still counts while Redis is away.
            Err(error) => (own, self.system.clone().ok_or_else(|| not_compared(&error))?),
        };
        self.system = Some(system.clone());
        // Only for people, and for `tessera doctor`.
        let _ = self.state.announce_store(&self.service, own, &place).await;
        if own != Some(system.id) {
            return Err(StoreProblem::Another(another(&place, own, &system)));
        }
        self.store.check_writable().await.map_err(|error| {
            StoreProblem::Unusable(format!("the store {place} takes no files: {error}; make its folder writable"))
        })
    }

    /// Redis names no store: it is new, or has lost its data.
    async fn first(&self, own: Option<StoreId>) -> Result<(Option<StoreId>, SystemStore), StoreProblem> {
        let id = match (&self.system, own) {
            (Some(system), own) if own != Some(system.id) => return Ok((own, system.clone())),
            (_, Some(id)) => id,
            (_, None) => self.store.make_identity().await.map_err(|error| unusable(&self.store, &error))?,
        };
        let adopted = self.state.adopt_store(id, &self.store.place()).await;
        adopted.map(|system| (Some(id), system)).map_err(|error| not_compared(&error))
    }

    /// Waits until the store is the system's; says so on the health page. `false`: a stop was requested before.
    pub async fn is_ours(&mut self, health: &Health, shutdown: &Shutdown) -> bool {
        while self.note(health).await.is_err() {
            if shutdown.requested_within(LOOK_EVERY).await {
                return false;
            }
        }
        true
    }

    /// Looks at the store again and again; returns only once it is another than the system's, which ends the service.
    pub async fn until_another(mut self, health: &Health) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(StoreProblem::Another(_)) = self.note(health).await {
                return;
            }
        }
    }

    /// Looks at the store again and again until the stop is requested.
    pub async fn watch(mut self, health: Health, shutdown: Shutdown) {
        loop {
            // What is wrong is on the health page, which is asked before anything is done.
            let _ = self.note(&health).await;
            if shutdown.requested_within(LOOK_EVERY).await {
                return;
            }
        }
    }

    /// Looks once, and tells the health page and the log.
    ///
    /// # Errors
    /// As [`SameStore::look`].
    pub async fn note(&mut self, health: &Health) -> Result<(), StoreProblem> {
        let outcome = self.look().await;
        let problem = outcome.clone().err();
        if let Some(problem) = problem.as_ref().filter(|problem| self.logged.as_ref() != Some(problem)) {
            tracing::error!(%problem, "this service takes no work");
        }
        self.logged = problem;
        health.set(DEPENDENCY, outcome.as_ref().map_err(ToString::to_string).copied());
        outcome
    }
}

fn unusable(store: &Store, error: &StoreError) -> StoreProblem {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    StoreProblem::Unusable(format!("the store {} does not answer: {error}{cause}", store.place()))
}

fn not_compared(error: &StateError) -> StoreProblem {
    StoreProblem::Unusable(format!("not yet compared with the system's store: {error}"))
}

/// What is said of a store that is not the system's.
pub fn another(place: &str, own: Option<StoreId>, system: &SystemStore) -> String {
    let SystemStore { id, place: where_it_is, since } = system;
    let has = match own {
        Some(own) => format!("the store {place} is {own}, the system's is {id}"),
        None => format!("the store {place} is not there or has no id, the system's is {id}"),
    };
    format!(
        "{has} ({where_it_is}, since {since}): set TESSERA_STORE to the store of the other services; \
         if this one is to be the system's, stop the others and run `tessera doctor --adopt-store` with this one's settings"
    )
}

#[cfg(test)]
#[cfg(feature = "broker-tests")]
mod tests;
