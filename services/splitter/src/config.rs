//! What the splitter is told by flags and the environment.

use clap::{Args, Parser};
use tessera::config::{KafkaArgs, LimitArgs, Payload, PreviewArgs, RedisArgs, ServiceArgs, StoreArgs};

/// How pictures are read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Splitter")]
pub struct PassArgs {
    /// Pictures that are read at once; with two or more, one of them is kept for small pictures.
    #[arg(long, env = "TESSERA_SPLITTER_PASSES", default_value_t = 2, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub splitter_passes: usize,
    /// How tiles travel: by slots of the store (shared), in records (inline), or by slots while every worker that lives
    /// reaches the store.
    #[arg(long, env = "TESSERA_PAYLOAD", default_value = "auto", value_enum, value_name = "WAY")]
    pub payload: Payload,
}

impl Default for PassArgs {
    fn default() -> Self {
        Self { splitter_passes: 2, payload: Payload::Auto }
    }
}

/// Cuts accepted pictures into tiles for the workers.
#[derive(Parser, Clone, Debug)]
#[command(name = "tessera-splitter", version, about)]
pub struct Config {
    /// How pictures are read.
    #[command(flatten)]
    pub passes: PassArgs,
    /// What is made for those who look at pictures.
    #[command(flatten)]
    pub previews: PreviewArgs,
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

impl Config {
    /// Looks for settings that cannot work, alone or together; gives all problems at once.
    ///
    /// # Errors
    /// One line for each problem.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = self.limits.problems();
        let PassArgs { splitter_passes, .. } = self.passes;
        let largest = u64::try_from(self.kafka.max_record_bytes).unwrap_or(u64::MAX);
        if splitter_passes == 0 {
            problems.push("splitter_passes is 0, it must be at least 1".to_owned());
        }
        if self.limits.max_outstanding_bytes < largest {
            let outstanding = self.limits.max_outstanding_bytes;
            problems.push(format!(
                "max_outstanding_bytes is {outstanding}, less than one record: max_record_bytes is {largest}"
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_and_all_problems_are_said_at_once() {
        Config::try_parse_from(["x"]).unwrap().validate().unwrap();
        let flags =
            ["x", "--tile-size=100", "--max-outstanding-bytes=1000", "--max-decode-bytes=0", "--keep-results-hours=0"];
        let problems = Config::try_parse_from(flags).unwrap().validate().unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:?}");
        for name in ["tile_size", "max_outstanding_bytes", "max_decode_bytes", "keep_results_hours"] {
            assert!(problems.iter().any(|problem| problem.contains(name)), "{name}: {problems:?}");
        }
    }
}
