//! Settings that several programs share: one struct per concern, a flag and a variable for each.
//!
//! Owns defaults and their checks. Defaults run on one machine. Reads nothing but flags and the
//! environment.

pub mod arguments;
mod effective;
mod hosts;
mod limits;
mod preview;
mod service;
pub mod variables;

use clap::Args;

pub use effective::Effective;
pub use hosts::{Host, HostPort};
pub use limits::{DEFAULT_MEMORY_BUDGET, LimitArgs};
pub use preview::{Preview, PreviewArgs};
pub use service::{LogFormat, ServiceArgs};

/// Where Kafka is and how its topics are named.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to begin with, HOST:PORT separated by commas.
    #[arg(long, env = "TESSERA_KAFKA_BROKERS", default_value = "127.0.0.1:9092", value_name = "LIST")]
    pub kafka_brokers: String,
    /// Put before the name of every topic and group, so that several systems can share a broker.
    #[arg(long, env = "TESSERA_TOPIC_PREFIX", default_value = "", value_name = "TEXT")]
    pub topic_prefix: String,
    /// Partitions of `tasks`: the most worker processes that can have work.
    #[arg(long, env = "TESSERA_TASKS_PARTITIONS", default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=4096))]
    pub tasks_partitions: i32,
    /// Partitions of `results`: the most stitchers that can have work.
    #[arg(long, env = "TESSERA_RESULTS_PARTITIONS", default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=4096))]
    pub results_partitions: i32,
    /// Partitions of `jobs`.
    #[arg(long, env = "TESSERA_JOBS_PARTITIONS", default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=4096))]
    pub jobs_partitions: i32,
    /// The largest record in bytes, framing included; a broker's own default is 1,048,588.
    #[arg(long, env = "TESSERA_MAX_RECORD_BYTES", default_value_t = 1_000_000, value_name = "BYTES", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(65_536..=64 << 20))]
    pub max_record_bytes: usize,
    /// What the logs of all topics together may take of a broker's disk, in bytes: applied by `tessera topics create`.
    #[arg(long, env = "TESSERA_KAFKA_LOG_BYTES", default_value_t = DEFAULT_LOG_BYTES, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(64 << 20..))]
    pub kafka_log_bytes: u64,
}

/// What Kafka's logs may take on the disk unless a setting says otherwise, in bytes.
pub const DEFAULT_LOG_BYTES: u64 = 2_000_000_000;

impl KafkaArgs {
    /// The defaults, at `brokers`, with names that begin with `prefix`.
    pub fn new(brokers: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            kafka_brokers: brokers.into(),
            topic_prefix: prefix.into(),
            tasks_partitions: 64,
            results_partitions: 16,
            jobs_partitions: 8,
            max_record_bytes: 1_000_000,
            kafka_log_bytes: DEFAULT_LOG_BYTES,
        }
    }
}

/// Where Redis is and how its keys are named.
#[derive(Args, Clone, PartialEq, Eq)]
#[command(next_help_heading = "Redis")]
pub struct RedisArgs {
    /// Address, redis://[[USER]:PASSWORD@]HOST:PORT/DATABASE.
    #[arg(
        long,
        env = "TESSERA_REDIS_URL",
        default_value = "redis://127.0.0.1:6379/0",
        value_name = "URL",
        hide_env_values = true
    )]
    pub redis_url: String,
    /// Put before the name of every key, so that several systems can share a Redis.
    #[arg(long, env = "TESSERA_KEY_PREFIX", default_value = "", value_name = "TEXT")]
    pub key_prefix: String,
}

impl RedisArgs {
    /// Redis at `url`, with keys that begin with `prefix`.
    pub fn new(url: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { redis_url: url.into(), key_prefix: prefix.into() }
    }

    /// The address without its password, for logs and messages.
    pub fn redacted_url(&self) -> String {
        let url = match (self.redis_url.split_once("://"), self.redis_url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
            _ => self.redis_url.clone(),
        };
        // That of a socket has its password behind it.
        let Some((place, options)) = url.split_once('?') else { return url };
        let plain = |option: &str| if option.starts_with("pass=") { "pass=***".to_owned() } else { option.to_owned() };
        let options: Vec<String> = options.split('&').map(plain).collect();
        format!("{place}?{}", options.join("&"))
    }
}

impl std::fmt::Debug for RedisArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.redacted_url();
        out.debug_struct("RedisArgs").field("redis_url", &url).field("key_prefix", &self.key_prefix).finish()
    }
}

/// How tiles travel between splitter, workers and stitcher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Payload {
    /// By slots of the store while every worker that lives reaches it, else in records.
    #[default]
    Auto,
    /// In records.
    Inline,
    /// By slots of the store.
    Shared,
}

/// Where originals and results are.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// The store of originals, manifests and results: file:///FOLDER.
    #[arg(long, env = "TESSERA_STORE", default_value = "file://var/store", value_name = "URL")]
    pub store: String,
    /// A folder for spools and other files that only this machine needs.
    #[arg(long, env = "TESSERA_SCRATCH_DIR", default_value = "var/scratch", value_name = "FOLDER")]
    pub scratch_dir: std::path::PathBuf,
    /// What is synced to the disk before it counts: nothing, results, or everything.
    #[arg(long, env = "TESSERA_SYNC", default_value = "results", value_enum, value_name = "WHAT")]
    pub sync: Sync,
}

/// What is synced to the disk before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sync {
    /// Nothing: a power cut may take results that were said to be done.
    None,
    /// Results and end markers.
    Results,
    /// Originals and manifests too.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let args = RedisArgs::new("redis://user:secret@host:6379/0", "p:");
        assert!(!format!("{args:?}").contains("secret"));
        assert_eq!(args.redacted_url(), "redis://***@host:6379/0");
        assert_eq!(RedisArgs::new("redis://host:1/0", "").redacted_url(), "redis://host:1/0");
        let socket = RedisArgs::new("unix:///redis.sock?db=1&pass=secret&user=x", "");
        assert_eq!(socket.redacted_url(), "unix:///redis.sock?db=1&pass=***&user=x");
    }
}
