//! Starting and stopping a splitter, readable from top to bottom.

use std::time::Duration;

use tessera::bus::{Consumer, ConsumerOptions, Group, Producer, Topic};
use tessera::naming::{Name, Wanted};
use tessera::same_store::SameStore;
use tessera::state::{NameKind, State, StateOptions};
use tessera::store::Store;
use tessera::telemetry::health::Health;
use tessera::telemetry::{Metrics, Shutdown, page, parts};

use crate::gate::Stop;
use crate::gauges;
use crate::leaser::Leaser;
use crate::logs::Logs;
use crate::memory::SplitterMemory;
use crate::splitter::Splitter;
use crate::{Config, ServiceError, command_feed, watcher};

/// Commands in hand at once.
const MAX_IN_FLIGHT: usize = 64;
/// Bytes of commands in hand at once.
const MAX_IN_FLIGHT_BYTES: usize = 4 << 20;
/// How long the last records may take out.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
/// Between two looks at the dependencies.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Runs a splitter until `shutdown`, then stops its passes between two tiles and gives their leases back.
///
/// # Errors
/// If it cannot be set up or a part of it ends. A dependency that is down is waited for.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), ServiceError> {
    config.validate().map_err(|problems| ServiceError::Config(problems.join("; ")))?;
    let health = Health::new(&["kafka", "redis", "store"]);
    let service = config.service.clone();
    let name = service.name_or("splitter");
    tracing::info!(name, passes = config.passes.splitter_passes, "the splitter starts");
    let drain_limit = config.service.drain_limit();
    let state = State::lazy(&config.redis, StateOptions::default())?;
    let store = Store::at(&config.store)?;
    let mut same_store = SameStore::new(&store, &state, &name);
    let (memory, queue) = SplitterMemory::divide(&config, &consumer_options(&name))?;
    let producer = Producer::connect_within(&config.kafka, &name, queue)?;
    let logs = Logs::connect(&config.kafka)?;
    let splitter = Splitter::new(config, state, store, producer, logs, memory, shutdown.clone());
    let clients = [tessera::bus::counters::register, tessera::state::counters::register];
    let metrics = Metrics::new("splitter", &health, &clients, |registry| {
        splitter.counts.register(registry);
        gauges::register(&splitter, registry);
    });
    let page = page::serve(&health, &metrics, &service, "splitter").map_err(ServiceError::Health)?;
    if !same_store.is_ours(&health, &shutdown).await {
        return Ok(());
    }
    let wanted = Wanted::of(&service, "splitter");
    let Some(held) = Name::take(&splitter.state, NameKind::Splitter, &wanted, &shutdown).await? else { return Ok(()) };
    splitter.rename(held.text());
    let (consumer, commands) = Consumer::start(&splitter.config.kafka, consumer_options(held.text()))?;
    let mut leaser = Leaser::new(splitter.clone());

    let ended = |part| ServiceError::Ended { part };
    let outcome = tokio::select! {
        () = shutdown.requested() => Ok(()),
        part = parts::part("leaser", leaser.run()) => Err(ended(part)),
        part = parts::part("command feed", command_feed::feed(&splitter, commands)) => Err(ended(part)),
        part = parts::part("watcher", watcher::watch(&splitter)) => Err(ended(part)),
        part = parts::part("watcher of Kafka's logs", splitter.logs.watch(|| !splitter.passes().is_empty())) => Err(ended(part)),
        part = parts::part("look at the dependencies", look(&health, &consumer, &splitter)) => Err(ended(part)),
        part = parts::until_gone("health page", || page.is_served()) => Err(ended(part)),
        part = parts::part("store, which is not the system's", same_store.until_another(&health)) => Err(ended(part)),
        other = held.keep() => Err(held.lost_to(other).into()),
    };
    let outcome = shutdown.excuse(outcome);

    health.drain();
    splitter.stop_all(Stop::Drained);
    let (stopped, ()) = tokio::join!(consumer.stop(drain_limit), leaser.drain(drain_limit));
    if let Err(error) = stopped {
        tracing::warn!(%error, "leaving kafka; the last commands come again");
    }
    if let Err(error) = splitter.producer.flush(FLUSH_LIMIT).await {
        tracing::warn!(%error, "flushing the last records");
    }
    held.release().await;
    drop(page);
    tracing::info!("the splitter has stopped");
    outcome
}

/// How `jobs` is read.
pub(super) fn consumer_options(name: &str) -> ConsumerOptions {
    ConsumerOptions {
        group: Group::Jobs,
        topic: Topic::Jobs,
        static_member: None,
        max_in_flight: MAX_IN_FLIGHT,
        max_in_flight_bytes: MAX_IN_FLIGHT_BYTES,
        client_id: name.to_owned(),
    }
}

/// Keeps the health page true.
async fn look(health: &Health, consumer: &Consumer, splitter: &Splitter) {
    loop {
        health.set("kafka", consumer.status().is_up());
        health.set("redis", splitter.state.ping().await.map_err(|error| error.to_string()));
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
