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
    /// Bytes that each of its partitions keeps at least: what is beyond is removed, oldest first.
    pub retained_bytes: u64,
    /// Bytes of a file of its log. The file that is written is never removed.
    pub segment_bytes: u64,
    /// Its configuration, as Kafka names it.
    pub config: Vec<(&'static str, String)>,
}

impl TopicSettings {
    /// What its log may come to on a broker that has all its partitions, in bytes. Between two looks at what is to be
    /// removed it may be more.
    pub fn most_bytes(&self) -> u64 {
        let partitions = u64::from(self.partitions.max(1).unsigned_abs());
        partitions.saturating_mul(self.retained_bytes.saturating_add(self.segment_bytes))
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// What Kafka adds to a record at most, as its own default of 1,048,588 for 1,000,000 allows.
const FRAMING_BYTES: u64 = 48_588;
/// The smallest file of a log that Kafka takes.
const LEAST_SEGMENT_BYTES: u64 = 1 << 20;
/// Larger files would not make Kafka faster.
const MOST_SEGMENT_BYTES: u64 = 64 << 20;
/// How long a removed file stays on the disk, for those who are just reading it; Kafka's default is a minute, in which
/// a busy system writes gigabytes.
const FILE_DELETE_DELAY_MS: u64 = 1_000;
/// Room for the index of a file; Kafka's default, 10 MiB for each of two, is laid out in advance.
const INDEX_BYTES: u64 = 128 << 10;

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

    /// What `tessera topics create` asks for, `raise` sets and `check` compares with.
    pub fn settings(self, args: &KafkaArgs) -> TopicSettings {
        let partitions = match self {
            Self::Jobs => args.jobs_partitions,
            Self::Tasks => args.tasks_partitions,
            Self::Results => args.results_partitions,
            _ => 1,
        };
        let record = self.record_bytes(args);
        let room = self.room_bytes(args) / u64::from(partitions.max(1).unsigned_abs());
        // Two records at least, and small beside what is kept: the file that is written cannot be removed.
        let segment = (room / 8).clamp((2 * record).max(LEAST_SEGMENT_BYTES), MOST_SEGMENT_BYTES.max(2 * record));
        let retained = room.saturating_sub(segment).max(2 * segment);
        let config = vec![
            ("cleanup.policy", "delete".to_owned()),
            ("compression.type", "uncompressed".to_owned()),
            ("max.message.bytes", record.to_string()),
            // By the clock of the broker: one of a sender would have records refused, or removed too early.
            ("message.timestamp.type", "LogAppendTime".to_owned()),
            ("segment.bytes", segment.to_string()),
            ("segment.index.bytes", INDEX_BYTES.to_string()),
            ("file.delete.delay.ms", FILE_DELETE_DELAY_MS.to_string()),
            ("retention.bytes", retained.to_string()),
            ("retention.ms", DAY.as_millis().to_string()),
        ];
        TopicSettings { partitions, retained_bytes: retained, segment_bytes: segment, config }
    }

    /// What [`Topic::settings`] says where the topic has `found` partitions, if these are more than are asked for: they
    /// share the same room.
    pub fn settings_for(self, args: &KafkaArgs, found: usize) -> TopicSettings {
        let mut args = args.clone();
        let found = i32::try_from(found).unwrap_or(i32::MAX);
        match self {
            Self::Jobs => args.jobs_partitions = args.jobs_partitions.max(found),
            Self::Tasks => args.tasks_partitions = args.tasks_partitions.max(found),
            Self::Results => args.results_partitions = args.results_partitions.max(found),
            _ => {}
        }
        self.settings(&args)
    }

    /// The largest record, framing included.
    fn record_bytes(self, args: &KafkaArgs) -> u64 {
        match self {
            Self::Tasks | Self::Results => args.max_record_bytes as u64 + FRAMING_BYTES,
            Self::JobsDlq | Self::TasksDlq | Self::ResultsDlq => 2 << 20,
            Self::Jobs | Self::Heartbeats => 1_000_000 + FRAMING_BYTES,
        }
    }

    /// Its part of what all logs may take: pixels get four fifths, half of it each way, dead letters a tenth.
    fn room_bytes(self, args: &KafkaArgs) -> u64 {
        let tenth = args.kafka_log_bytes / 10;
        let small = u64::from(args.jobs_partitions.max(1).unsigned_abs()) + 1;
        match self {
            Self::Tasks | Self::Results => tenth * 4,
            Self::JobsDlq | Self::TasksDlq | Self::ResultsDlq => tenth / 3,
            Self::Jobs => tenth / small * (small - 1),
            Self::Heartbeats => tenth / small,
        }
    }

    /// What the logs of all topics may come to, in bytes: [`KafkaArgs::kafka_log_bytes`], unless that is too little for
    /// so many partitions and such records.
    pub fn all_bytes(args: &KafkaArgs) -> u64 {
        Self::ALL.iter().map(|topic| topic.settings(args).most_bytes()).fold(0, u64::saturating_add)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> KafkaArgs {
        KafkaArgs::new("a:1", "")
    }

    #[test]
    fn all_logs_together_take_what_the_setting_says() {
        for bytes in [2_000_000_000, 8_000_000_000, 100_000_000_000] {
            let args = KafkaArgs { kafka_log_bytes: bytes, ..args() };
            let all = Topic::all_bytes(&args);
            assert!(all <= bytes && all > bytes / 10 * 8, "{all} of {bytes}");
        }
        let few = KafkaArgs { kafka_log_bytes: 64 << 20, ..args() };
        assert!(Topic::all_bytes(&few) > few.kafka_log_bytes, "so little does not do for 64 + 16 partitions");
    }

    #[test]
    fn what_is_in_hand_of_a_job_is_kept_and_files_are_small_beside_it() {
        let settings = [Topic::Tasks, Topic::Results].map(|topic| topic.settings(&args()));
        for of in &settings {
            assert!(of.retained_bytes >= 8 * 1_048_588, "{of:?}");
            assert!(of.segment_bytes * 4 <= of.retained_bytes && of.segment_bytes >= 2 * 1_048_588, "{of:?}");
        }
        let large = KafkaArgs { max_record_bytes: 64 << 20, ..args() };
        let of = Topic::Results.settings(&large);
        assert!(of.segment_bytes > 128 << 20 && of.retained_bytes >= 2 * of.segment_bytes, "{of:?}");
    }
}
