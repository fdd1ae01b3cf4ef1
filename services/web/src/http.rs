//! The HTTP role: pages, API and uploads.
//!
//! Owns the listener and everything a request passes through. Reads no pixels, and keeps no job's state:
//! that is in Redis, in Kafka and in the store.

mod admission;
mod client;
mod connection;
mod counters;
mod counting;
mod credit;
mod events;
mod files;
mod grain;
mod guard;
mod jobs;
mod mender;
mod pages;
mod places;
mod problem;
mod routes;
mod services;
mod upload;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use tessera::budget::Budget;
use tessera::bus::Producer;
use tessera::same_store::SameStore;
use tessera::state::{State, StateOptions};
use tessera::store::Store;
use tessera::telemetry::head::head_as_get;
use tessera::telemetry::page::AddressFile;
use tessera::telemetry::{AllowedHosts, Health, Metrics, Shutdown, health, metrics, parts};
use tokio::task::JoinError;

use crate::config::Config;
use crate::error::ServiceError;
use crate::proxies::Proxies;
use admission::{Admission, UPLOAD_BYTES};
use connection::{Readers, attend};
use counters::WebCounters;
use counting::count;
use events::EventRelay;
use files::checked::Checked;
use guard::guard;
use mender::Mender;
use services::Services;

/// Open files beside the watchers' sockets: uploads, results, other requests.
const OTHER_FILES: u64 = 2048;
/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;
/// Threads that serve requests: they wait more than they work.
const SERVER_THREADS: usize = 2;

/// Serves until the stop is requested, then lets requests in hand end. `ready` is told the address.
///
/// # Errors
/// If the settings cannot work, or nothing can listen at the address.
pub async fn run(config: Config, shutdown: Shutdown, ready: impl FnOnce(SocketAddr)) -> Result<(), ServiceError> {
    config.validate().map_err(|problems| ServiceError::Config(problems.join("; ")))?;
    allow_connections(config.http.max_watchers);
    let health = Health::new(&["kafka", "redis", "store"]);
    let (services, readers) = connect(&config, health.clone())?;
    let events = EventRelay::new(config.http.max_watchers, shutdown.clone());
    let (state, store, producer) = (services.state.clone(), services.store.clone(), services.producer.clone());
    let admission = services.admission.clone();
    let same_store = SameStore::new(&services.store, &services.state, &config.service.name_or("web"));
    let (server, address) = listen(&config, Given { services, events: events.clone(), readers }, &health)?;
    let file = AddressFile::write(&config.service.run_dir, &config.service.name_or("web"), address);
    let _file = file.map_err(|source| ServiceError::File { what: "the address file".to_owned(), source })?;
    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);
    tracing::info!(%address, "listening");
    ready(address);

    let watch = admission.watch((state.clone(), store.clone()), producer.clone(), shutdown.clone());
    let ended = tokio::select! {
        biased;
        () = shutdown.requested() => Ok(()),
        part = parts::part("look at the dependencies", watch) => Err(ServiceError::Ended(part)),
        part = parts::part("look at the store", same_store.watch(health.clone(), shutdown.clone())) => Err(ServiceError::Ended(part)),
        part = parts::part("event relay", events.run(state, admission.clone())) => Err(ServiceError::Ended(part)),
        outcome = &mut serving => return served(outcome, address),
    };
    let ended = shutdown.excuse(ended);

    health.drain();
    // Streams of events end when the service is asked to stop, and not before.
    handle.stop(ended.is_ok()).await;
    let flushed = producer.flush(Duration::from_secs(2)).await;
    flushed.unwrap_or_else(|error| tracing::warn!(%error, "stopping with records unsent"));
    let outcome = served(serving.await, address);
    ended.and(outcome)
}

fn served(outcome: Result<std::io::Result<()>, JoinError>, address: SocketAddr) -> Result<(), ServiceError> {
    let outcome = outcome.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    outcome.map_err(|source| ServiceError::Listen { address, source })
}

/// Each watcher is an open socket; the usual limit of open files is for programs with few.
fn allow_connections(max_watchers: usize) {
    let wanted = (max_watchers as u64).saturating_add(OTHER_FILES);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(limit, wanted, "fewer open files are allowed than max_watchers needs: raise ulimit -n");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "raising the limit of open files"),
    }
}

/// Sets up the clients of Redis, Kafka and the store. None of them has to be up.
fn connect(config: &Config, health: Health) -> Result<(Services, Readers), ServiceError> {
    let state = State::lazy(&config.redis, StateOptions::default())?;
    let name = config.service.name_or("web");
    let memory = Budget::new(config.limits.memory_budget);
    let queue = memory.set_aside(Producer::least_bytes(&config.kafka), "the producer of commands")?;
    let producer = Producer::connect_within(&config.kafka, &format!("tessera-{name}"), queue)?;
    let store = Store::at(&config.store)?;
    // At least one upload must fit beside it, or all would be refused for good.
    drop(memory.set_aside(UPLOAD_BYTES, "an upload")?);
    let readers = Readers::new(&memory);
    let admission = Arc::new(Admission::new(health, config.limits.clone(), memory, config.http.without_workers));
    let proxies = Arc::new(Proxies::new(&config.http.trusted_proxies));
    let mender = Mender::new(&state, &store, config.limits.keep_results());
    let services = Services {
        config: Arc::new(config.clone()),
        state,
        producer,
        store,
        admission,
        counts: WebCounters::new(),
        mender,
        checked: Checked::default(),
        proxies,
    };
    Ok((services, readers))
}

fn listen(config: &Config, given: Given, health: &Health) -> Result<(Server, SocketAddr), ServiceError> {
    let wanted = config.http.http_addr;
    let failed = |source| ServiceError::Listen { address: wanted, source };
    let Given { services, events, readers } = given;
    let (counts, admission) = (services.counts.clone(), services.admission.clone());
    let clients = [tessera::bus::counters::register, tessera::state::counters::register];
    let metrics = Metrics::new("web", health, &clients, |registry| counts.register(registry, &admission));
    let health = health.clone();
    let hosts = Data::new(AllowedHosts::new(wanted.ip(), &config.service.allowed_hosts));
    let app = move || {
        App::new()
            .app_data(Data::new(services.clone()))
            .app_data(Data::new(events.clone()))
            .app_data(Data::new(readers.clone()))
            .app_data(hosts.clone())
            .wrap(from_fn(attend))
            .wrap(from_fn(guard))
            .wrap(from_fn(count))
            .wrap(from_fn(head_as_get))
            .configure(health::routes(health.clone()))
            .configure(metrics::routes(metrics.clone()))
            .configure(routes::configure)
    };
    let listener = bind(wanted).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let terms = connection::Terms {
        threads: SERVER_THREADS,
        min_rate: config.http.min_download_rate,
        stop_seconds: config.service.drain_seconds,
    };
    Ok((connection::serve(listener, terms, app).map_err(failed)?, address))
}

/// What handlers, and those who stand around them, are given.
struct Given {
    services: Services,
    events: EventRelay,
    readers: Readers,
}

/// Listens at `address`, also where a process before this one has just left it.
fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let kind = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(kind, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
