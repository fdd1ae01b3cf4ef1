//! A worker's settings.

use std::time::Duration;

use clap::Parser;
use tessera::config::{DEFAULT_MEMORY_BUDGET, KafkaArgs, PreviewArgs, RedisArgs, ServiceArgs, Sync};

/// Where the other services have their store unless they are told otherwise; it need not be there.
const NO_STORE: &str = "file://var/store";

/// Runs the operations of tiles.
#[derive(Parser, Clone, Debug)]
#[command(name = "tessera-worker", version, about = "Runs the operations of tiles")]
pub struct WorkerConfig {
    /// How the service is run.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Where Kafka is.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Where Redis is.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// Tiles that are run at once.
    #[arg(long, env = "TESSERA_SLOTS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub slots: u32,
    /// This worker's name, also read from WORKER_ID [default: HOST-INSTANCE].
    #[arg(long, env = "TESSERA_WORKER_ID", value_name = "NAME")]
    pub worker_id: Option<String>,
    /// The store, file:///FOLDER, if this machine reaches it: tiles then come by its slots and not in records.
    #[arg(long, env = "TESSERA_STORE", default_value = NO_STORE, value_name = "URL")]
    pub store: String,
    /// What is synced to the disk before it counts, of the results of whole pictures: nothing, results, or everything.
    #[arg(long, env = "TESSERA_SYNC", default_value = "results", value_enum, value_name = "WHAT")]
    pub sync: Sync,
    /// How long results are kept, in hours: how long a job that this worker fails is remembered.
    #[arg(long, env = "TESSERA_KEEP_RESULTS_HOURS", default_value_t = 24, value_name = "HOURS")]
    pub keep_results_hours: u64,
    /// Memory of this process for tiles and client queues, in bytes.
    #[arg(long, env = "TESSERA_MEMORY_BUDGET", default_value_t = DEFAULT_MEMORY_BUDGET, value_name = "BYTES")]
    pub memory_budget: u64,
    /// What is made for those who look at pictures that are run whole.
    #[command(flatten)]
    pub previews: PreviewArgs,
    /// For tests only: how long each tile takes at least, so that a test can end a worker in mid-tile.
    #[arg(long, env = "TESSERA_TILE_DELAY_MS", default_value_t = 0, value_name = "MS", hide = true)]
    pub tile_delay_ms: u64,
}

impl WorkerConfig {
    /// The defaults, with these services.
    pub fn new(service: ServiceArgs, kafka: KafkaArgs, redis: RedisArgs) -> Self {
        Self {
            service,
            kafka,
            redis,
            slots: 1,
            worker_id: None,
            store: NO_STORE.to_owned(),
            sync: Sync::Results,
            keep_results_hours: 24,
            memory_budget: DEFAULT_MEMORY_BUDGET,
            previews: PreviewArgs::default(),
            tile_delay_ms: 0,
        }
    }

    /// How long the keys of a job that this worker fails are kept beside the usual days.
    pub fn keep_results(&self) -> Duration {
        Duration::from_secs(self.keep_results_hours.saturating_mul(3600))
    }

    /// Records in hand at once: those that run, as many again that wait, and results that wait for each other, so that no
    /// slot waits for Kafka.
    pub fn max_in_flight(&self) -> usize {
        self.slots as usize * 2 + 5
    }
}
