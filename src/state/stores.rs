//! Which store is the system's, and which store each service has.
//!
//! Owns the keys `tessera:store` and `tessera:stores`. What follows from a difference, the services decide.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::client::State;
use super::{StateError, script};
use crate::store::StoreId;
use crate::time::now;

/// How long what a service said of its store counts.
const FRESH: Duration = Duration::from_secs(20);

/// The store that all services of a system share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemStore {
    /// Its id.
    pub id: StoreId,
    /// Where the service that came first has it, for people.
    pub place: String,
    /// Since when, RFC 3339 UTC.
    pub since: String,
}

/// What a service that lives says of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The service's name and machine.
    pub service: String,
    /// Its store's id; `None` if the store has none.
    pub id: Option<StoreId>,
    /// Where it has the store.
    pub place: String,
}

#[derive(Deserialize)]
struct Said {
    id: String,
    place: String,
    at_ms: f64,
}

impl State {
    /// The system's store; `None` before the first service has named one, and after Redis lost its data.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or no id.
    pub async fn system_store(&self) -> Result<Option<SystemStore>, StateError> {
        let mut hash: HashMap<String, String> = self.query(redis::cmd("HGETALL").arg(self.keys.system_store())).await?;
        let Some(id) = hash.remove("id") else { return Ok(None) };
        let id = id.parse().map_err(|error| StateError::Data(format!("the id of the system's store: {error}")))?;
        let mut text = |name| hash.remove(name).unwrap_or_default();
        Ok(Some(SystemStore { id, place: text("place"), since: text("since") }))
    }

    /// Makes a store the system's unless it has one; gives the one that it has then.
    ///
    /// # Errors
    /// As [`State::system_store`].
    pub async fn adopt_store(&self, id: StoreId, place: &str) -> Result<SystemStore, StateError> {
        self.set_store(id, place, false).await
    }

    /// Makes a store the system's in place of the one it has. For operators only.
    ///
    /// # Errors
    /// As [`State::system_store`].
    pub async fn replace_store(&self, id: StoreId, place: &str) -> Result<SystemStore, StateError> {
        self.set_store(id, place, true).await
    }

    async fn set_store(&self, id: StoreId, place: &str, replaces: bool) -> Result<SystemStore, StateError> {
        let call = script::STORE_ADOPT.call().key(self.keys.system_store()).arg(id).arg(place).arg(now());
        let answer = self.script(call.arg(u8::from(replaces))).await?;
        let (place, since) = (answer.text(1).to_owned(), answer.text(2).to_owned());
        Ok(SystemStore { id: answer.parse(0)?, place, since })
    }

    /// Says which store a service has.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn announce_store(&self, service: &str, id: Option<StoreId>, place: &str) -> Result<(), StateError> {
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        let call = script::STORE_ANNOUNCE.call().key(self.keys.service_stores());
        self.script(call.arg(service).arg(id).arg(place)).await.map(|_| ())
    }

    /// What services have said of their stores in the last seconds, by name.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn announced_stores(&self) -> Result<Vec<Announced>, StateError> {
        let hash: HashMap<String, String> = self.query(redis::cmd("HGETALL").arg(self.keys.service_stores())).await?;
        let (seconds, micros): (f64, f64) = self.query(&redis::cmd("TIME")).await?;
        let now_ms = seconds * 1000.0 + micros / 1000.0;
        let read = |(service, text): (String, String)| {
            let said: Said = serde_json::from_str(&text).ok()?;
            let is_fresh = now_ms - said.at_ms <= FRESH.as_millis() as f64;
            is_fresh.then(|| Announced { service, id: said.id.parse().ok(), place: said.place })
        };
        let mut stores: Vec<Announced> = hash.into_iter().filter_map(read).collect();
        stores.sort_by(|one, other| one.service.cmp(&other.service));
        Ok(stores)
    }
}
