//! Starting and stopping a worker, readable from top to bottom.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tessera::budget::Share;
use tessera::bus::{Consumer, ConsumerOptions, Group, Producer, Topic};
use tessera::naming::Name;
use tessera::patience::answered;
use tessera::state::{NameKind, State, StateOptions};
use tessera::telemetry::health::Health;
use tessera::telemetry::{Metrics, Shutdown, page, parts};

use crate::actors::{Farewell, HAND_BACK_LIMIT, Heart, ResultPublisher, TaskFeed, TileExecutor};
use crate::actors::{TaskRunner, WholePlaces};
use crate::counters::WorkerCounters;
use crate::exchange::Exchange;
use crate::memory::{WorkerMemory, in_flight_bytes};
use crate::progress::Progress;
use crate::{Identity, WorkerConfig, WorkerError, identity};

/// How long the last records may take out, after the tiles in hand are finished.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
/// Between two looks at the dependencies.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Runs a worker until `shutdown`, then lets the tiles in hand finish within the drain limit.
///
/// # Errors
/// If it cannot be set up or a part of it ends. A dependency that is down is waited for.
pub async fn run(config: WorkerConfig, shutdown: Shutdown) -> Result<(), WorkerError> {
    let health = Health::new(&["kafka", "redis", "assignment"]);
    let (progress, counts) = (Arc::new(Progress::new()), WorkerCounters::new());
    let clients = [tessera::bus::counters::register, tessera::state::counters::register];
    let metrics =
        Metrics::new("worker", &health, &clients, |registry| counts.register(registry, config.slots, &progress));
    let page = page::serve(&health, &metrics, &config.service, "worker").map_err(WorkerError::Health)?;
    let state = State::lazy(&config.redis, StateOptions::default())?;
    let wanted = identity::wanted(&config)?;
    let Some(name) = Name::take(&state, NameKind::Worker, &wanted, &shutdown).await? else { return Ok(()) };
    let identity = Identity::new(&name, page.address)?;
    tracing::info!(worker = %identity.worker, incarnation = %identity.incarnation, slots = config.slots, "the worker starts");
    let heart_thread = Arbiter::new();
    let tasks = consumer_options(&config, identity.worker.as_str());
    let (memory, queues) = WorkerMemory::divide(&config, &tasks)?;
    if memory.usable(config.slots) < config.slots {
        let usable = memory.usable(config.slots);
        tracing::warn!(
            slots = config.slots,
            usable,
            "more slots than the memory budget has room for; raise TESSERA_MEMORY_BUDGET"
        );
    }
    let exchange = Exchange::at(&config.store, config.sync);
    let heart = start_heart(&config, &identity, &progress, &heart_thread, (queues.beats, exchange.clone()))?;

    let number = answered(&shutdown, async || state.worker_number(&identity.worker).await).await;
    let Some(number) = number.transpose()? else { return Ok(()) };
    let client_id = format!("tessera-worker-{}", identity.worker);
    let producer = Producer::connect_within(&config.kafka, &client_id, queues.results)?;
    let (consumer, deliveries) = Consumer::start(&config.kafka, tasks)?;
    let kafka = config.kafka.clone();
    let publisher = ResultPublisher::new(producer.clone(), kafka, identity, number, shutdown.clone());
    let wholes = WholePlaces::new(&config, &memory, &progress);
    let executor = TileExecutor::start(&config, memory, &progress, &counts)?;
    let keep = config.keep_results();
    let runner =
        TaskRunner::new(state.clone(), executor, publisher, exchange, counts, (keep, wholes), shutdown.clone());
    let mut feed = TaskFeed::new(deliveries, runner.clone());

    let ended = |part| WorkerError::Ended { part };
    let outcome = tokio::select! {
        () = shutdown.requested() => Ok(()),
        part = parts::part("task feed", feed.run()) => Err(ended(part)),
        part = parts::part("look at the dependencies", look(&health, &consumer, &state)) => Err(ended(part)),
        part = parts::until_gone("tile executor", || runner.executor().is_whole()) => Err(ended(part)),
        part = parts::until_gone("heart", || heart.connected()) => Err(ended(part)),
        part = parts::until_gone("health page", || page.is_served()) => Err(ended(part)),
        other = name.keep() => Err(name.lost_to(other).into()),
    };
    let outcome = shutdown.excuse(outcome);

    health.drain();
    runner.close();
    // As soon as nothing is in hand; at the latest when what was cut off is handed back.
    let limit = config.service.drain_limit();
    let (stopped, ()) = tokio::join!(consumer.stop(limit + HAND_BACK_LIMIT), feed.drain(limit));
    if let Err(error) = stopped {
        tracing::warn!(%error, "leaving kafka; unfinished tiles go to another worker");
    }
    if let Err(error) = producer.flush(FLUSH_LIMIT).await {
        tracing::warn!(%error, "flushing the last records");
    }
    if tokio::time::timeout(FLUSH_LIMIT, heart.send(Farewell)).await.is_err() {
        tracing::debug!("the last heartbeat was not delivered");
    }
    heart_thread.stop();
    name.release().await;
    drop(page);
    tracing::info!("the worker has stopped");
    outcome
}

fn start_heart(
    config: &WorkerConfig,
    identity: &Identity,
    progress: &Arc<Progress>,
    thread: &Arbiter,
    (queue, exchange): (Share, Exchange),
) -> Result<Addr<Heart>, WorkerError> {
    let client_id = format!("tessera-heart-{}", identity.worker);
    let producer = Producer::connect_within(&config.kafka, &client_id, queue)?;
    let heart = Heart::new(producer, identity.clone(), config.slots, progress.clone(), exchange);
    Ok(Heart::start_in_arbiter(&thread.handle(), move |_| heart))
}

/// How `tasks` is read.
pub(crate) fn consumer_options(config: &WorkerConfig, worker: &str) -> ConsumerOptions {
    ConsumerOptions {
        group: Group::Workers,
        topic: Topic::Tasks,
        static_member: None,
        max_in_flight: config.max_in_flight(),
        max_in_flight_bytes: in_flight_bytes(config.memory_budget),
        client_id: format!("tessera-worker-{worker}"),
    }
}

/// Keeps the health page true.
async fn look(health: &Health, consumer: &Consumer, state: &State) {
    loop {
        health.set("kafka", consumer.status().is_up());
        let assigned = !consumer.assignment().is_empty();
        health.set("assignment", if assigned { Ok(()) } else { Err("no partition of tasks yet".to_owned()) });
        health.set("redis", state.ping().await.map_err(|error| error.to_string()));
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
