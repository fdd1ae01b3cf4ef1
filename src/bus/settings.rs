//! The settings of the Kafka clients, in one place.
//!
//! Owns every librdkafka property that we set and why. Must never hold a property that a single
//! caller sets differently.

use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::Group;
use crate::config::KafkaArgs;

/// Room in a producer's queue, in bytes; the client's default is 1 GiB of process memory.
const PRODUCER_QUEUE_BYTES: usize = 64 << 20;

/// The largest dead letter: a record as it came, with the headers that say why.
pub(super) const MAX_DEAD_LETTER_BYTES: usize = 2 << 20;

/// How long a record may wait for its delivery report before its sender is told to try again.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

/// What all clients share.
pub(super) fn client(args: &KafkaArgs, client_id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &args.kafka_brokers)
        .set("client.id", client_id)
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        // A frozen broker is noticed after this; the default is a minute.
        .set("socket.timeout.ms", "10000")
        .set("socket.connection.setup.timeout.ms", "5000")
        // Back at work within a second of the broker; the default backs off to 10 s.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // Topics made and partitions added while we run are noticed within this; the default is 5 min.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("log.connection.close", "false");
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// A producer that waits for all replicas and never reorders or doubles on a retry of its own.
pub(super) fn producer(args: &KafkaArgs, client_id: &str) -> ClientConfig {
    let mut config = client(args, client_id);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0")
        .set("compression.type", "none")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.kbytes", (producer_queue_bytes(args) / 1024).to_string())
        // The bound of each topic is checked before sending; a batch must still fit every topic.
        .set("message.max.bytes", args.max_record_bytes.max(MAX_DEAD_LETTER_BYTES).to_string())
        .set("batch.size", args.max_record_bytes.to_string())
        .set("message.timeout.ms", DELIVERY_LIMIT.as_millis().to_string());
    config
}

fn producer_queue_bytes(args: &KafkaArgs) -> usize {
    PRODUCER_QUEUE_BYTES.max(args.max_record_bytes * 4)
}

/// Bytes that may be handed to a producer at once: below its queue, which counts overhead too.
pub(super) fn producer_window_bytes(args: &KafkaArgs) -> usize {
    producer_queue_bytes(args) / 4 * 3
}

/// A member of a group that commits only what it is told to.
pub(super) fn consumer(args: &KafkaArgs, group: Group, static_member: Option<&str>, client_id: &str) -> ClientConfig {
    let mut config = client(args, client_id);
    config
        .set("group.id", group.name(args))
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "6000")
        // The others hear of a death with their next heartbeat: this is a part of the time that tiles are orphaned.
        .set("heartbeat.interval.ms", "500")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "100")
        // Its default of a second stalls a small queue for that long.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "100")
        // Process memory is the queue and, for each broker, one fetch beside it.
        .set("fetch.max.bytes", args.max_record_bytes.max(8 << 20).to_string())
        .set("max.partition.fetch.bytes", args.max_record_bytes.max(1 << 20).to_string())
        .set("queued.max.messages.kbytes", "16384");
    if let Some(member) = static_member {
        // A restart within this keeps the partitions, and with them the spool.
        config.set("group.instance.id", member).set("session.timeout.ms", "30000");
    }
    config
}
