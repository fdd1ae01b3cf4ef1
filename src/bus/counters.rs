//! What a process has sent to and read from Kafka, for its page of metrics.
//!
//! One set for the process: a page shows the sum of its clients. Must never hold a label that a peer chooses.

use std::sync::LazyLock;

use super::Topic;
use crate::telemetry::metrics::{Counters, Gauges, Label, Registry, Unit};

static COUNTERS: LazyLock<BusCounters> = LazyLock::new(BusCounters::default);

#[derive(Debug, Default)]
struct BusCounters {
    produced: Counters,
    produced_bytes: Counters,
    dead_letters: Counters,
    delivery_errors: Counters,
    consumed: Counters,
    consumed_bytes: Counters,
    repeated: Counters,
    rebuilds: Counters,
    partitions: Gauges,
    lag: Gauges,
}

/// Shows the counters on a page.
pub fn register(registry: &mut Registry) {
    let of = &*COUNTERS;
    let registry = registry.sub_registry_with_prefix("kafka");
    registry.register("records_produced", "Records that Kafka has acknowledged", of.produced.clone());
    registry.register_with_unit("produced", "Bytes of their values", Unit::Bytes, of.produced_bytes.clone());
    registry.register(
        "dead_letters",
        "Records that were set aside, by the topic they went to",
        of.dead_letters.clone(),
    );
    registry.register(
        "delivery_errors",
        "Records that were not delivered; most are sent again",
        of.delivery_errors.clone(),
    );
    registry.register("records_consumed", "Records handed out, repetitions included", of.consumed.clone());
    registry.register_with_unit("consumed", "Bytes of their values", Unit::Bytes, of.consumed_bytes.clone());
    registry.register("records_repeated", "Records handed out again by this process", of.repeated.clone());
    registry.register("consumer_rebuilds", "Clients replaced because they stood still or broke", of.rebuilds.clone());
    registry.register("assigned_partitions", "Partitions that this process reads now", of.partitions.clone());
    registry.register("consumer_lag_records", "Records in its partitions that it has not read yet", of.lag.clone());
}

fn label(topic: Topic) -> Label {
    [("topic", topic.base_name())]
}

/// Kafka has a record of `bytes`.
pub(super) fn delivered(topic: Topic, bytes: usize) {
    COUNTERS.produced.get_or_create(&label(topic)).inc();
    COUNTERS.produced_bytes.get_or_create(&label(topic)).inc_by(bytes as u64);
    if matches!(topic, Topic::JobsDlq | Topic::TasksDlq | Topic::ResultsDlq) {
        COUNTERS.dead_letters.get_or_create(&label(topic)).inc();
    }
}

/// A record was not delivered.
pub(super) fn undelivered(topic: Topic) {
    COUNTERS.delivery_errors.get_or_create(&label(topic)).inc();
}

/// A record of `bytes` was handed out for the `attempt`th time.
pub(super) fn handed_out(topic: Topic, bytes: usize, attempt: u32) {
    COUNTERS.consumed.get_or_create(&label(topic)).inc();
    COUNTERS.consumed_bytes.get_or_create(&label(topic)).inc_by(bytes as u64);
    if attempt > 1 {
        COUNTERS.repeated.get_or_create(&label(topic)).inc();
    }
}

/// A consumer was replaced.
pub(super) fn rebuilt(topic: Topic) {
    COUNTERS.rebuilds.get_or_create(&label(topic)).inc();
}

/// A consumer owns so many partitions now.
pub(super) fn assigned(topic: Topic, partitions: usize) {
    set(&COUNTERS.partitions, topic, i64::try_from(partitions).unwrap_or(i64::MAX));
}

/// So many records lie before a consumer.
pub(super) fn lagging(topic: Topic, records: i64) {
    set(&COUNTERS.lag, topic, records);
}

fn set(family: &Gauges, topic: Topic, value: i64) {
    family.get_or_create(&label(topic)).set(value);
}
