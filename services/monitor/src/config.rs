//! What a monitor is told: flags and variables.

use std::time::Duration;

use clap::Parser;
use tessera::config::{KafkaArgs, LimitArgs, RedisArgs, ServiceArgs, StoreArgs};

use crate::error::ServiceError;
use crate::scrub::ScrubPace;

/// The program's name, for its files and its consumer.
pub const PROGRAM: &str = "monitor";

/// Follows workers' heartbeats, finds stuck jobs, and removes what has expired.
#[derive(Clone, Debug, Parser)]
#[command(name = "tessera-monitor", version)]
pub struct Config {
    /// Name, files and health page.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Redis.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Deadlines of jobs and how long results are kept; the other limits are those of the senders.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Seconds after a worker's last heartbeat until it counts as dead.
    #[arg(long, env = "TESSERA_WORKER_TTL_SECONDS", default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub worker_ttl_seconds: u64,
    /// Milliseconds without any progress until a job is looked at; the waits after that double.
    #[arg(long, env = "TESSERA_STALL_MS", default_value_t = 20_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..))]
    pub stall_ms: u64,
    /// Milliseconds between two sweeps over the jobs in hand.
    #[arg(long, env = "TESSERA_SWEEP_MS", default_value_t = 2_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..))]
    pub sweep_ms: u64,
    /// Seconds between two rounds of removing what has expired.
    #[arg(long, env = "TESSERA_JANITOR_SECONDS", default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub janitor_seconds: u64,
    /// Seconds until what a crash left in the store is removed, or queued if it is a whole job.
    #[arg(long, env = "TESSERA_ORPHAN_SECONDS", default_value_t = 3600, value_name = "SECONDS")]
    pub orphan_seconds: u64,
    /// Bytes a second that are read to find damaged files in the store; 0 reads none.
    #[arg(long, env = "TESSERA_SCRUB_RATE", default_value_t = 4 << 20, value_name = "BYTES")]
    pub scrub_rate: u64,
    /// Minutes between two readings of the whole store.
    #[arg(long, env = "TESSERA_SCRUB_PAUSE_MINUTES", default_value_t = 60, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub scrub_pause_minutes: u64,
}

impl Config {
    /// A monitor with the defaults at these places, for tests.
    pub fn new(service: ServiceArgs, kafka: KafkaArgs, redis: RedisArgs, store: StoreArgs) -> Self {
        Self {
            service,
            kafka,
            redis,
            store,
            limits: LimitArgs::default(),
            worker_ttl_seconds: 15,
            stall_ms: 20_000,
            sweep_ms: 2_000,
            janitor_seconds: 60,
            orphan_seconds: 3600,
            scrub_rate: 4 << 20,
            scrub_pause_minutes: 60,
        }
    }

    /// The process's name.
    pub fn name(&self) -> String {
        self.service.name_or(PROGRAM)
    }

    /// How fast the store is read for damaged files.
    pub fn scrub_pace(&self) -> ScrubPace {
        let rest = Duration::from_secs(self.scrub_pause_minutes.saturating_mul(60));
        ScrubPace { rate: self.scrub_rate, rest }
    }

    /// How long a heartbeat counts.
    pub fn worker_ttl(&self) -> Duration {
        Duration::from_secs(self.worker_ttl_seconds)
    }

    /// Checks what flags alone cannot.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate(&self) -> Result<(), ServiceError> {
        if self.limits.keep_results_hours == 0 {
            return Err(ServiceError::Config("--keep-results-hours: use at least 1".to_owned()));
        }
        Ok(())
    }
}
