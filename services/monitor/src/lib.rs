//! The monitor: workers' heartbeats, stuck jobs, what has expired, and the way back after Redis lost its data.
//!
//! Several may run; the owner of the partition of `heartbeats` is the active one, the others stand by.
//! Works on no picture.

pub mod actors;
mod backends;
mod cleaning;
mod config;
mod counters;
mod duty;
mod error;
mod hopes;
mod listing;
mod measuring;
mod registry;
mod scrub;
pub mod stalls;
mod sweep;
mod trimming;

use std::time::Duration;

use actix::Actor;
use tessera::budget::Budget;
use tessera::bus::{Consumer, Producer};
use tessera::naming::{Name, Wanted};
use tessera::same_store::SameStore;
use tessera::state::recovery::{Rebuilt, rebuild};
use tessera::state::{NameKind, State};
use tessera::store::Store;
use tessera::telemetry::logs::chain;
use tessera::telemetry::parts::{self, FeedEnd};
use tessera::telemetry::{Health, Metrics, Shutdown, page};

use actors::heartbeat_feed::{self, HeartbeatFeed};
use actors::janitor::Janitor;
use actors::sweeper::Sweeper;
use actors::worker_registry::WorkerRegistry;
use backends::MonitorBackends;
use cleaning::Cleaning;
use counters::MonitorCounters;
use duty::Duty;
use measuring::Measuring;
use sweep::Sweep;
use trimming::Trimming;

pub use config::{Config, PROGRAM};
pub use error::ServiceError;

/// How often dependencies are asked whether they are there, and Redis whether it has its data.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How long the last commit may take.
const COMMIT_LIMIT: Duration = Duration::from_secs(2);

/// Runs a monitor until `shutdown`. Must be called inside an actix system.
///
/// # Errors
/// [`ServiceError`] if the settings do not fit, or a part ends that must not.
pub async fn run(mut config: Config, shutdown: Shutdown) -> Result<(), ServiceError> {
    config.validate()?;
    let health = Health::new(&["kafka", "redis", "store", "heartbeats"]);
    let (duty, counts) = (Duty::default(), MonitorCounters::default());
    let clients = [tessera::bus::counters::register, tessera::state::counters::register];
    let metrics = Metrics::new("monitor", &health, &clients, |registry| counts.register(registry, &duty));
    let page = page::serve(&health, &metrics, &config.service, PROGRAM).map_err(ServiceError::Health)?;
    let store = Store::at(&config.store)?;
    let state = tokio::select! {
        () = shutdown.requested() => return Ok(()),
        state = State::connect(&config.redis) => state?,
    };
    let mut same_store = SameStore::new(&store, &state, &config.name());
    // Nothing is rebuilt, removed or judged by what another store has.
    if !same_store.is_ours(&health, &shutdown).await {
        return Ok(());
    }
    let wanted = Wanted::of(&config.service, PROGRAM);
    let Some(held) = Name::take(&state, NameKind::Monitor, &wanted, &shutdown).await? else { return Ok(()) };
    let name = held.text().to_owned();
    config.service.name = Some(name.clone());
    let beats = heartbeat_feed::options(&name);
    let memory = Budget::new(config.limits.memory_budget);
    let queue = memory.set_aside(Producer::least_bytes(&config.kafka), "the producer of commands")?;
    let _beats = memory.set_aside(beats.memory_bytes(&config.kafka), "the consumer of heartbeats")?;
    let producer = Producer::connect_within(&config.kafka, &name, queue)?;
    let backends = MonitorBackends {
        state,
        store,
        producer,
        limits: config.limits.clone(),
        duty,
        counts,
        shutdown: shutdown.clone(),
    };
    let measuring =
        Measuring::connect(&config.kafka, &backends.store)?.run(backends.duty.clone(), backends.counts.clone());
    let trimming = Trimming::connect(&config.kafka)?.run(backends.duty.clone(), backends.counts.clone());
    let registry = WorkerRegistry::new(backends.clone(), config.worker_ttl()).start();
    let every = Duration::from_millis(config.sweep_ms);
    let sweeper = Sweeper::new(Sweep::new(backends.clone(), config.stall_ms), backends.duty.clone(), every).start();
    let cleaning = Cleaning::new(backends.clone(), Duration::from_secs(config.orphan_seconds));
    let janitor = Janitor::new(cleaning, backends.duty.clone(), Duration::from_secs(config.janitor_seconds)).start();
    let (duty, counts, to_feed) = (backends.duty.clone(), backends.counts.clone(), registry.clone());
    let feed = HeartbeatFeed::start(&config.kafka, beats, to_feed, health.clone(), duty, counts)?;
    let of_store = same_store.clone();
    let trouble = async {
        let part = tokio::select! {
            part = parts::part("guard", guard(backends.clone(), same_store, health.clone())) => part,
            part = parts::part("trimming of logs", trimming) => part,
            part = parts::part("measuring", measuring) => part,
            part = parts::part("scrub", scrub::run(backends.clone(), config.scrub_pace())) => part,
            part = parts::part("store, which is not the system's", of_store.until_another(&health)) => part,
            part = parts::until_gone("worker registry", || registry.connected()) => part,
            part = parts::until_gone("sweeper", || sweeper.connected()) => part,
            part = parts::until_gone("janitor", || janitor.connected()) => part,
            part = parts::until_gone("health page", || page.is_served()) => part,
            other = held.keep() => return held.lost_to(other).into(),
        };
        ServiceError::Ended(part)
    };
    let feed = |stopping| parts::caught("feed of heartbeats", feed.run(stopping));
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
    let drained = drain(consumer, &backends).await;
    held.release().await;
    let outcome = outcome.and(match end {
        FeedEnd::Asked => Ok(()),
        FeedEnd::Broken => shutdown.excuse(Err(ServiceError::Ended("registry or its feed"))),
    });
    // Why it ends says more than how its leaving went.
    outcome.and(drained)
}

async fn drain(consumer: Consumer, backends: &MonitorBackends) -> Result<(), ServiceError> {
    consumer.stop(COMMIT_LIMIT).await?;
    backends.producer.flush(COMMIT_LIMIT).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Looks at the dependencies, and rebuilds jobs when Redis has lost its data. Every monitor does, on
/// duty or not: while Kafka is away no monitor is, and a lock in Redis lets one at a time rebuild.
async fn guard(backends: MonitorBackends, mut same_store: SameStore, health: Health) {
    loop {
        health.set("kafka", backends.producer.is_up().await.map_err(|error| error.to_string()));
        if let Err(problem) = same_store.look().await {
            health.set("redis", Err(format!("not looked at: {problem}")));
            tokio::time::sleep(PROBE_EVERY).await;
            continue;
        }
        match rebuild(&backends.state, &backends.store, backends.keep()).await {
            Ok(Rebuilt::NothingLost) => health.set("redis", Ok(())),
            Ok(Rebuilt::Elsewhere) => health.set("redis", Err("another monitor is rebuilding its data".to_owned())),
            Ok(Rebuilt::Jobs { queued, ended, damaged }) => {
                backends.counts.rebuilt();
                tracing::warn!(queued, ended, damaged, "redis had no data; rebuilt the jobs from the store");
                health.set("redis", Ok(()));
            }
            Err(error) => health.set("redis", Err(chain(&error))),
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use actix::prelude::*;
    use tessera::telemetry::parts;

    /// As the sweeper and the janitor: rounds, each in a future of the actor.
    struct Rounds;

    impl Actor for Rounds {
        type Context = Context<Self>;

        fn started(&mut self, context: &mut Self::Context) {
            context.run_interval(std::time::Duration::from_millis(10), |_, context| {
                let round = async { assert!(std::hint::black_box(false), "a round panics") };
                context.spawn(round.into_actor(&Rounds).map(|(), _, _| ()));
            });
        }
    }

    #[actix::test]
    async fn an_actor_that_panics_is_gone() {
        let rounds = Rounds.start();
        let gone = parts::until_gone("sweeper", || rounds.connected());
        let gone = tokio::time::timeout(std::time::Duration::from_secs(10), gone).await;
        assert_eq!(gone.unwrap(), "sweeper");
    }
}
