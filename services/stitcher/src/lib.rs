//! The stitcher: assembles tiles into encoded results.
//!
//! Owns the spool, the verdict that a stage is complete, and the result. Tiles come in any order, late,
//! twice or damaged; what counts is the set of marks in Redis. The record that completes a stage is
//! acknowledged only when the stage has ended, so that a killed stitcher begins where it was.

pub mod actors;
mod assembler;
mod assembly;
mod backends;
mod config;
mod counters;
mod encoding;
mod error;
mod intake;
mod manifests;
mod memory;
mod reference;
mod spool;

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use tessera::bus::{Consumer, Producer};
use tessera::naming::{Name, Wanted};
use tessera::same_store::SameStore;
use tessera::state::{NameKind, State};
use tessera::store::Store;
use tessera::telemetry::parts::{self, FeedEnd};
use tessera::telemetry::{Health, Metrics, Shutdown, page};
use tokio::sync::oneshot;

use actors::job_assembler::{Drain, JobAssembler, LetGo, StepReported};
use actors::result_feed::{self, ResultFeed};
use assembler::{Assembler, Report, Reports};
use backends::StitcherBackends;
use counters::StitcherCounters;
use encoding::encoder::{EncodedReport, EncoderPool, Threads};
use memory::StitcherMemory;
use spool::Spool;

pub use config::{Config, PROGRAM};
pub use error::ServiceError;

/// How often dependencies are asked whether they are there.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// Kept of the drain limit for the last commit.
const COMMIT_LIMIT: Duration = Duration::from_secs(2);

/// Runs a stitcher until `shutdown`. Must be called inside an actix system.
///
/// # Errors
/// [`ServiceError`] if the settings do not fit, or a part ends that must not.
pub async fn run(mut config: Config, shutdown: Shutdown) -> Result<(), ServiceError> {
    config.validate()?;
    let health = Health::new(&["kafka", "redis", "store", "spool", "results"]);
    let counts = StitcherCounters::new();
    let clients = [tessera::bus::counters::register, tessera::state::counters::register];
    let metrics = Metrics::new("stitcher", &health, &clients, |registry| counts.register(registry));
    let page = page::serve(&health, &metrics, &config.service, PROGRAM).map_err(ServiceError::Health)?;
    let state = tokio::select! {
        () = shutdown.requested() => return Ok(()),
        state = State::connect(&config.redis) => state?,
    };
    let store = Store::at(&config.store)?;
    let mut same_store = SameStore::new(&store, &state, &config.name());
    if !same_store.is_ours(&health, &shutdown).await {
        return Ok(());
    }
    // Partitions and spool are this name's: two that had it would fence each other off and share a folder.
    let wanted = Wanted::of(&config.service, PROGRAM);
    let Some(held) = Name::take(&state, NameKind::Stitcher, &wanted, &shutdown).await? else { return Ok(()) };
    let name = held.text().to_owned();
    config.service.name = Some(name.clone());
    let spool = Spool::open(&config.store.scratch_dir, &name).map_err(ServiceError::Spool)?;
    let results = result_feed::options(&name, config.limits.memory_budget);
    let (memory, queue) = StitcherMemory::divide(&config, &results)?;
    let producer = Producer::connect_within(&config.kafka, &name, queue)?;
    let backends = StitcherBackends {
        state,
        store,
        producer,
        kafka: config.kafka.clone(),
        keep: config.limits.keep_results(),
        counts,
        shutdown: shutdown.clone(),
    };
    let (assembler, encoders) = start_assembler(&config, backends.clone(), spool.clone(), memory)?;
    let feed = ResultFeed::start(&config.kafka, results, assembler.clone(), health.clone())?;
    let trouble = async {
        let part = tokio::select! {
            part = parts::part("look at the dependencies", probe(backends.clone(), spool, health.clone())) => part,
            part = parts::part("store, which is not the system's", same_store.until_another(&health)) => part,
            part = parts::until_gone("assembler", || assembler.connected()) => part,
            part = parts::until_gone("encoders", || encoders.are_there()) => part,
            part = parts::until_gone("health page", || page.is_served()) => part,
            other = held.keep() => return held.lost_to(other).into(),
        };
        ServiceError::Ended(part)
    };
    let feed = |stopping| parts::caught("feed of results", feed.run(stopping));
    let (fed, trouble) = parts::until_trouble(&shutdown, feed, trouble).await;
    let outcome = shutdown.excuse(trouble.map_or(Ok(()), Err));

    health.drain();
    let (consumer, end) = match fed {
        Ok(fed) => fed,
        Err(part) => {
            held.release().await;
            return outcome.and(Err(ServiceError::Ended(part)));
        }
    };
    // In another store, or in a spool that is another's now, nothing is ended any more.
    let limit = outcome.as_ref().map_or(Duration::ZERO, |()| config.service.drain_limit());
    let drained = drain(limit.saturating_sub(COMMIT_LIMIT), &assembler, consumer, &backends).await;
    held.release().await;
    let outcome = outcome.and(match end {
        FeedEnd::Asked => Ok(()),
        FeedEnd::Broken => shutdown.excuse(Err(ServiceError::Ended("assembler or its feed"))),
    });
    // Why it ends says more than how its leaving went.
    outcome.and(drained)
}

fn start_assembler(
    config: &Config,
    backends: StitcherBackends,
    spool: Spool,
    memory: StitcherMemory,
) -> Result<(Addr<JobAssembler>, Threads), ServiceError> {
    let context = actix::Context::<JobAssembler>::new();
    let address = actix::AsyncContext::address(&context);
    let reports: Reports = {
        let address = address.clone();
        Arc::new(move |report| address.do_send(StepReported(report)))
    };
    let encoded: EncodedReport = {
        let reports = Arc::clone(&reports);
        Arc::new(move |encoded| reports(Report::Encoded(encoded)))
    };
    let encoders =
        EncoderPool::start(config.encoders, (memory.strip_bytes, memory.pyramid_bytes), &backends.store, &encoded);
    let encoders = encoders.map_err(ServiceError::Threads)?;
    let threads = encoders.watch();
    let assembler = Assembler::new(backends, config.name(), spool, memory, encoders, reports);
    let sweep_every = Duration::from_secs(config.spool_sweep_seconds);
    Ok((context.run(JobAssembler::new(assembler, sweep_every)), threads))
}

/// Stops in this order: complete stages end, the rest is let go, offsets are committed, records on their
/// way are flushed.
async fn drain(
    limit: Duration,
    assembler: &Addr<JobAssembler>,
    consumer: Consumer,
    backends: &StitcherBackends,
) -> Result<(), ServiceError> {
    let at_rest = async {
        if let Ok(Some(at_rest)) = assembler.send(Drain).await {
            wait(at_rest).await;
        }
    };
    if tokio::time::timeout(limit, at_rest).await.is_err() {
        tracing::warn!(limit_s = limit.as_secs(), "stages in hand are left for the next start");
    }
    if let Err(error) = assembler.send(LetGo).await {
        tracing::debug!(%error, "the assembler had gone");
    }
    consumer.stop(COMMIT_LIMIT).await?;
    backends.producer.flush(COMMIT_LIMIT).await?;
    tracing::info!("stopped");
    Ok(())
}

async fn wait(at_rest: oneshot::Receiver<()>) {
    // The assembler may have gone, which is rest too.
    let _ = at_rest.await;
}

/// Looks at the dependencies, for the health page.
async fn probe(backends: StitcherBackends, spool: Spool, health: Health) {
    loop {
        health.set("kafka", backends.producer.is_up().await.map_err(|error| error.to_string()));
        health.set("redis", backends.state.ping().await.map_err(|error| error.to_string()));
        let spool = spool.clone();
        let writable = tokio::task::spawn_blocking(move || spool.check()).await;
        let writable = writable.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        health.set("spool", writable.map_err(|error| format!("the spool does not take files: {error}")));
        tokio::time::sleep(PROBE_EVERY).await;
    }
}
