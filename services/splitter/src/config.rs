//! What the splitter is told by flags and the environment.

use clap::{Args, Parser};
use tessera::config::{KafkaArgs, LimitArgs, RedisArgs, ServiceArgs, StoreArgs};

/// How pictures are read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Splitter")]
pub struct PassArgs {
    /// Pictures that are read at once; with two or more, one of them is kept for small pictures.
    #[arg(long, env = "TESSERA_SPLITTER_PASSES", default_value_t = 2, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub splitter_passes: usize,
}

impl Default for PassArgs {
    fn default() -> Self {
        Self { splitter_passes: 2 }
    }
}

/// Cuts accepted pictures into tiles for the workers.
#[derive(Parser, Clone, Debug)]
#[command(name = "tessera-splitter", version, about)]
pub struct Config {
    /// How pictures are read.
    #[command(flatten)]
    pub passes: PassArgs,
    /// Name, files and log.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Redis.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// Originals and rows.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What is accepted, and how much memory may be used.
    #[command(flatten)]
    pub limits: LimitArgs,
}
