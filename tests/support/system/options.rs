//! What a test says of its system, and the settings that come of it.

use std::collections::BTreeMap;
use std::path::Path;

use tessera::config::KafkaArgs;

use crate::support::brokers::Broker;

/// What of a system is not the default.
#[derive(Clone, Debug)]
pub struct Options {
    pub workers: u32,
    pub stitchers: u32,
    pub splitters: u32,
    /// Milliseconds that a worker waits in each tile, so that a test can act in mid-job.
    pub tile_delay_ms: u32,
    /// How tiles travel, as TESSERA_PAYLOAD has it; TESSERA_TEST_PAYLOAD says it for all tests that do not.
    pub payload: String,
    /// The brokers that the test has to itself; the others are those that `ops/test` gives.
    pub own: Vec<Broker>,
    /// More settings for every process.
    pub environment: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        let payload = std::env::var("TESSERA_TEST_PAYLOAD").unwrap_or_else(|_| "auto".to_owned());
        let (own, environment) = (Vec::new(), Vec::new());
        Self { workers: 2, stitchers: 1, splitters: 1, tile_delay_ms: 0, payload, own, environment }
    }
}

impl Options {
    /// The same with tiles that travel so.
    pub fn by(self, payload: &str) -> Self {
        Self { payload: payload.to_owned(), ..self }
    }

    /// The settings of every process of a system with this Kafka and Redis, and its files in `folder`.
    pub(super) fn settings(&self, kafka: &KafkaArgs, redis: &str, folder: &Path) -> BTreeMap<String, String> {
        let settings = [
            ("TESSERA_KAFKA_BROKERS", kafka.kafka_brokers.clone()),
            ("TESSERA_REDIS_URL", redis.to_owned()),
            ("TESSERA_TOPIC_PREFIX", kafka.topic_prefix.clone()),
            ("TESSERA_KEY_PREFIX", kafka.topic_prefix.clone()),
            ("TESSERA_TASKS_PARTITIONS", kafka.tasks_partitions.to_string()),
            ("TESSERA_RESULTS_PARTITIONS", kafka.results_partitions.to_string()),
            ("TESSERA_JOBS_PARTITIONS", kafka.jobs_partitions.to_string()),
            ("TESSERA_STORE", format!("file://{}", folder.join("store").display())),
            ("TESSERA_SCRATCH_DIR", folder.join("scratch").display().to_string()),
            ("TESSERA_RUN_DIR", folder.join("run").display().to_string()),
            ("TESSERA_TILE_DELAY_MS", self.tile_delay_ms.to_string()),
            ("TESSERA_PAYLOAD", self.payload.clone()),
            // As ops/up sets them.
            ("MALLOC_ARENA_MAX", "2".to_owned()),
            ("MALLOC_MMAP_THRESHOLD_", (32 << 20).to_string()),
            ("MALLOC_TRIM_THRESHOLD_", (64 << 20).to_string()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        settings.into_iter().chain(self.environment.iter().cloned()).collect()
    }
}
