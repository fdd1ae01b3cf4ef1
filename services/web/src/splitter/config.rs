//! The splitter's settings.

use clap::Args;
use tessera::config::{KafkaArgs, LimitArgs, RedisArgs, ServiceArgs, StoreArgs};

/// How pictures are read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Splitter")]
pub struct SplitterArgs {
    /// Pictures that are read at once; with two or more, one of them is kept for small pictures.
    #[arg(long, env = "TESSERA_SPLITTER_PASSES", default_value_t = 2, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub splitter_passes: usize,
}

impl Default for SplitterArgs {
    fn default() -> Self {
        Self { splitter_passes: 2 }
    }
}

/// What a splitter is started with.
#[derive(Clone, Debug)]
pub struct SplitterConfig {
    /// How the service is run.
    pub service: ServiceArgs,
    /// Where Kafka is.
    pub kafka: KafkaArgs,
    /// Where Redis is.
    pub redis: RedisArgs,
    /// Where the pictures are.
    pub store: StoreArgs,
    /// What is accepted, and how much memory may be used.
    pub limits: LimitArgs,
    /// How pictures are read.
    pub splitter: SplitterArgs,
}
