//! What every handler is given: the settings, Redis, Kafka and the store.

use std::sync::Arc;

use actix_web::HttpRequest;
use tessera::bus::Producer;
use tessera::state::State;
use tessera::store::Store;

use super::admission::Admission;
use super::client::Client;
use super::counters::WebCounters;
use super::files::checked::Checked;
use super::mender::Mender;
use crate::config::Config;
use crate::proxies::Proxies;

/// Settings, Redis, Kafka and store; clones share them.
#[derive(Clone)]
pub struct Services {
    /// The settings.
    pub config: Arc<Config>,
    /// Redis.
    pub state: State,
    /// Kafka.
    pub producer: Producer,
    /// Originals and results.
    pub store: Store,
    /// What is counted.
    pub counts: WebCounters,
    /// Who may upload now.
    pub admission: Arc<Admission>,
    /// Puts jobs right whose result is damaged.
    pub mender: Mender,
    /// Which large files were found whole.
    pub checked: Checked,
    /// Proxies whose word about their clients is taken.
    pub proxies: Arc<Proxies>,
}

impl Services {
    /// Whose request it is.
    pub fn client(&self, request: &HttpRequest) -> Client {
        Client::of(request.peer_addr(), request.headers(), &self.proxies)
    }
}
