//! The topics: names, partitions and settings, once for all programs.

use std::time::Duration;

use crate::config::KafkaArgs;

/// A topic of Tessera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Commands about jobs, JSON, keyed by job.
    Jobs,
    /// Tiles to be worked on: raw pixels, no key, partition by [`super::partition`].
    Tasks,
    /// Tiles worked on: raw pixels, keyed by job.
    Results,
    /// Signs of life, JSON, keyed by worker.
    Heartbeats,
    /// Commands that could not be understood.
    JobsDlq,
    /// Tasks that could not be understood or run.
    TasksDlq,
    /// Results that could not be understood.
    ResultsDlq,
}

/// How a topic is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Its partitions.
    pub partitions: i32,
    /// Its configuration, as Kafka names it.
    pub config: Vec<(&'static str, String)>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Topic {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Jobs, Self::Tasks, Self::Results, Self::Heartbeats, Self::JobsDlq, Self::TasksDlq, Self::ResultsDlq];

    /// Its name without prefix.
    pub fn base_name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Tasks => "tasks",
            Self::Results => "results",
            Self::Heartbeats => "heartbeats",
            Self::JobsDlq => "jobs.dlq",
            Self::TasksDlq => "tasks.dlq",
            Self::ResultsDlq => "results.dlq",
        }
    }

    /// Its name on the broker.
    pub fn name(self, args: &KafkaArgs) -> String {
        format!("{}{}", args.topic_prefix, self.base_name())
    }

    /// Where its records go that cannot be handled; heartbeats are counted and dropped instead.
    pub fn dead_letters(self) -> Option<Self> {
        match self {
            Self::Jobs => Some(Self::JobsDlq),
            Self::Tasks => Some(Self::TasksDlq),
            Self::Results => Some(Self::ResultsDlq),
            Self::Heartbeats | Self::JobsDlq | Self::TasksDlq | Self::ResultsDlq => None,
        }
    }

    /// What `tessera topics create` asks for and `check` compares with.
    pub fn settings(self, args: &KafkaArgs) -> TopicSettings {
        let partitions = match self {
            Self::Jobs => args.jobs_partitions,
            Self::Tasks => args.tasks_partitions,
            Self::Results => args.results_partitions,
            _ => 1,
        };
        let (record, segment, retained): (usize, u64, u64) = match self {
            Self::Tasks | Self::Results => (args.max_record_bytes + 48_588, 64 << 20, 256 << 20),
            Self::JobsDlq | Self::TasksDlq | Self::ResultsDlq => (2 << 20, 64 << 20, 320 << 20),
            Self::Jobs | Self::Heartbeats => (1_048_588, 16 << 20, 64 << 20),
        };
        let config = vec![
            ("cleanup.policy", "delete".to_owned()),
            ("compression.type", "uncompressed".to_owned()),
            ("max.message.bytes", record.to_string()),
            ("segment.bytes", segment.to_string()),
            ("retention.bytes", retained.to_string()),
            ("retention.ms", DAY.as_millis().to_string()),
        ];
        TopicSettings { partitions, config }
    }
}

/// A consumer group of Tessera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Splitters, reading `jobs`.
    Jobs,
    /// Workers, reading `tasks`.
    Workers,
    /// Stitchers, reading `results`; static members.
    Stitchers,
    /// Monitors, reading `heartbeats`.
    Monitor,
}

impl Group {
    /// Its name on the broker.
    pub fn name(self, args: &KafkaArgs) -> String {
        let base = match self {
            Self::Jobs => "tessera-jobs",
            Self::Workers => "tessera-workers",
            Self::Stitchers => "tessera-stitchers",
            Self::Monitor => "tessera-monitor",
        };
        format!("{}{base}", args.topic_prefix)
    }

    /// What it reads.
    pub fn topic(self) -> Topic {
        match self {
            Self::Jobs => Topic::Jobs,
            Self::Workers => Topic::Tasks,
            Self::Stitchers => Topic::Results,
            Self::Monitor => Topic::Heartbeats,
        }
    }
}
