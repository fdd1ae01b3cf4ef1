//! What a stitcher is told: flags and variables.

use clap::Parser;
use tessera::config::{KafkaArgs, LimitArgs, PreviewArgs, RedisArgs, ServiceArgs, StoreArgs};

use crate::error::ServiceError;

/// The program's name, for its files and its consumers.
pub const PROGRAM: &str = "stitcher";

/// Assembles tiles into encoded results.
#[derive(Clone, Debug, Parser)]
#[command(name = "tessera-stitcher", version)]
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
    /// The store, and the folder of the spool.
    #[command(flatten)]
    pub store: StoreArgs,
    /// How long results are kept; the other limits are those of the senders.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// What is made for those who look at pictures.
    #[command(flatten)]
    pub previews: PreviewArgs,
    /// Threads that encode results.
    #[arg(long, env = "TESSERA_ENCODERS", default_value_t = 2, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub encoders: usize,
    /// Seconds between two sweeps of the spool.
    #[arg(long, env = "TESSERA_SPOOL_SWEEP_SECONDS", default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub spool_sweep_seconds: u64,
}

impl Config {
    /// A stitcher with the defaults at these places, for tests.
    pub fn new(service: ServiceArgs, kafka: KafkaArgs, redis: RedisArgs, store: StoreArgs) -> Self {
        let limits = LimitArgs::default();
        let previews = PreviewArgs::default();
        Self { service, kafka, redis, store, limits, previews, encoders: 2, spool_sweep_seconds: 30 }
    }

    /// The name that is the same after a restart: it keeps partitions and spool.
    pub fn name(&self) -> String {
        self.service.name_or(PROGRAM)
    }

    /// Checks what flags alone cannot.
    ///
    /// # Errors
    /// All that is wrong, in one text.
    pub fn validate(&self) -> Result<(), ServiceError> {
        let name = self.name();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let mut problems = Vec::new();
        if name.len() > 64 || name.starts_with('.') || !name.bytes().all(allowed) {
            problems.push(format!("--name {name:?}: use at most 64 letters, digits, '.', '_' and '-'"));
        }
        if self.service.drain_seconds >= 30 {
            problems.push("--drain-seconds: use less than 30, the session timeout of stitchers".to_owned());
        }
        if problems.is_empty() { Ok(()) } else { Err(ServiceError::Config(problems.join("; "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, drain: &str) -> Result<(), ServiceError> {
        Config::try_parse_from(["x", "--name", name, "--drain-seconds", drain]).unwrap().validate()
    }

    #[test]
    fn all_problems_are_told_at_once() {
        assert!(config("stitcher-1", "15").is_ok());
        let text = config("../x", "40").unwrap_err().to_string();
        assert!(text.contains("--name") && text.contains("--drain-seconds"), "{text}");
    }
}
