//! The settings of the Kafka clients, in one place.
//!
//! Owns every librdkafka property that we set and why. Must never hold a property that a single
//! caller sets differently.

use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::{Group, Topic};
use crate::config::KafkaArgs;

/// Room in a producer's queue unless a share of a budget says otherwise, in bytes; the client's default is
/// 1 GiB of process memory.
const PRODUCER_QUEUE_BYTES: usize = 64 << 20;
/// The fewest records that a producer's queue takes.
const FEWEST_QUEUED: usize = 4;
/// The client's own limit, in bytes.
const MOST_QUEUED_BYTES: usize = 1 << 40;
/// The most that a consumer fetches ahead, in bytes.
const MOST_FETCHED_BYTES: usize = 16 << 20;

/// The largest dead letter: a record as it came, with the headers that say why.
pub(super) const MAX_DEAD_LETTER_BYTES: usize = 2 << 20;

/// How long a record may wait for its delivery report before its sender is told to try again.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

/// How a consumer reads.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// The group it is a member of.
    pub group: Group,
    /// What it reads.
    pub topic: Topic,
    /// A name that makes it the same member after a restart, with the same partitions.
    pub static_member: Option<String>,
    /// The most records handed out and undecided, released slots aside. At least one.
    pub max_in_flight: usize,
    /// The most bytes of their values; but one record is always read.
    pub max_in_flight_bytes: usize,
    /// Its name in the broker's logs.
    pub client_id: String,
}

impl ConsumerOptions {
    /// Bytes that such a consumer may hold: what is handed out, what was fetched ahead, and one fetch.
    pub fn memory_bytes(&self, args: &KafkaArgs) -> u64 {
        let queue = consumer_queue_bytes(args, self.max_in_flight_bytes);
        (self.max_in_flight_bytes + queue + fetch_bytes(args, queue)) as u64
    }
}

/// How long a worker's partitions stay its own after its last heartbeat. A process that stands still for less loses
/// nothing; one that is dead is replaced soon.
pub(super) const WORKER_SESSION: Duration = Duration::from_millis(3_500);
/// The same of all others, and the shortest that brokers take unless they are told otherwise
/// (`group.min.session.timeout.ms`).
pub(super) const COMMON_SESSION: Duration = Duration::from_secs(6);
/// A static member's: a restart within this keeps the partitions, and with them the spool.
const STATIC_SESSION: Duration = Duration::from_secs(30);

/// How long the session of such a member lasts, if its broker takes that.
pub(super) fn session(options: &ConsumerOptions) -> Duration {
    match (&options.static_member, options.group) {
        (Some(_), _) => STATIC_SESSION,
        (None, Group::Workers) => WORKER_SESSION,
        (None, _) => COMMON_SESSION,
    }
}

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
pub(super) fn producer(args: &KafkaArgs, client_id: &str, queue_bytes: usize) -> ClientConfig {
    let mut config = client(args, client_id);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Whoever sends several records of one partition hands them over together: then they travel together.
        .set("linger.ms", "0")
        .set("compression.type", "none")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.kbytes", (queue_bytes / 1024).to_string())
        // The bound of each topic is checked before sending; a batch must still fit every topic.
        .set("message.max.bytes", args.max_record_bytes.max(MAX_DEAD_LETTER_BYTES).to_string())
        .set("batch.size", args.max_record_bytes.to_string())
        .set("message.timeout.ms", DELIVERY_LIMIT.as_millis().to_string());
    config
}

/// The bytes of a producer's queue, of which `share` are promised by a budget.
pub(super) fn producer_queue_bytes(args: &KafkaArgs, share: Option<u64>) -> usize {
    let share = share.map_or(PRODUCER_QUEUE_BYTES, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    share.clamp(least_queue_bytes(args), MOST_QUEUED_BYTES)
}

/// The smallest queue that a producer works with.
pub(super) fn least_queue_bytes(args: &KafkaArgs) -> usize {
    args.max_record_bytes.max(MAX_DEAD_LETTER_BYTES) * FEWEST_QUEUED
}

/// Bytes that may be handed to a producer at once: below its queue, which counts overhead too.
pub(super) fn producer_window_bytes(queue_bytes: usize) -> usize {
    queue_bytes / 4 * 3
}

/// Bytes that a consumer fetches ahead when at most `in_flight_bytes` are handed out.
pub(super) fn consumer_queue_bytes(args: &KafkaArgs, in_flight_bytes: usize) -> usize {
    (in_flight_bytes / 2).clamp(args.max_record_bytes.max(1 << 20), MOST_FETCHED_BYTES.max(args.max_record_bytes))
}

/// Bytes of one fetch, which lies beside the queue.
pub(super) fn fetch_bytes(args: &KafkaArgs, queue_bytes: usize) -> usize {
    (queue_bytes / 2).max(args.max_record_bytes)
}

/// A member of a group, for sessions that last so long, that commits only what it is told to.
pub(super) fn consumer(args: &KafkaArgs, options: &ConsumerOptions, session: Duration) -> ClientConfig {
    let queue_bytes = consumer_queue_bytes(args, options.max_in_flight_bytes);
    let mut config = client(args, &options.client_id);
    config
        .set("group.id", options.group.name(args))
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.as_millis().to_string())
        // The others hear of a death with their next heartbeat: this is a part of the time that tiles are orphaned.
        .set("heartbeat.interval.ms", "500")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        // A record ends the wait. Ten idle members ask forty times a second; each question is work by partition.
        .set("fetch.wait.max.ms", "250")
        // Its default of a second stalls a small queue for that long.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "100")
        // Process memory is the queue and, for each broker, one fetch beside it.
        .set("fetch.max.bytes", fetch_bytes(args, queue_bytes).to_string())
        .set("max.partition.fetch.bytes", args.max_record_bytes.max(1 << 20).to_string())
        .set("queued.max.messages.kbytes", (queue_bytes / 1024).to_string());
    if let Some(member) = &options.static_member {
        config.set("group.instance.id", member);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Topic;

    fn args() -> KafkaArgs {
        KafkaArgs::new("a:1", "")
    }

    fn options(group: Group, member: Option<&str>) -> ConsumerOptions {
        ConsumerOptions {
            group,
            topic: Topic::Tasks,
            static_member: member.map(str::to_owned),
            max_in_flight: 4,
            max_in_flight_bytes: 32 << 20,
            client_id: "x".to_owned(),
        }
    }

    #[test]
    fn every_producer_waits_for_all_replicas_and_is_idempotent() {
        let config = producer(&args(), "x", 48 << 20);
        let wanted = [("enable.idempotence", "true"), ("acks", "all"), ("queue.buffering.max.kbytes", "49152")];
        wanted.iter().for_each(|(name, value)| assert_eq!(config.get(name), Some(*value), "{name}"));
    }

    #[test]
    fn queues_follow_their_share_and_never_fall_below_what_works() {
        let args = args();
        assert_eq!(producer_queue_bytes(&args, None), 64 << 20);
        assert_eq!(producer_queue_bytes(&args, Some(48 << 20)), 48 << 20);
        assert_eq!(producer_queue_bytes(&args, Some(0)), 8 << 20);
        assert_eq!(producer_queue_bytes(&args, Some(u64::MAX)), MOST_QUEUED_BYTES);
        for (in_flight, queue) in [(0, 1 << 20), (24 << 20, 12 << 20), (1 << 30, 16 << 20)] {
            assert_eq!(consumer_queue_bytes(&args, in_flight), queue);
        }
        let large = KafkaArgs { max_record_bytes: 64 << 20, ..args };
        assert_eq!(consumer_queue_bytes(&large, 0), 64 << 20);
        assert_eq!(fetch_bytes(&large, 64 << 20), 64 << 20);
    }

    #[test]
    fn a_worker_s_session_ends_first_and_a_stitcher_s_outlasts_its_restart() {
        let lasts = |group, member: Option<&str>| {
            let options = options(group, member);
            let config = consumer(&args(), &options, session(&options));
            config.get("session.timeout.ms").unwrap().to_owned()
        };
        assert_eq!(lasts(Group::Workers, None), "3500");
        assert_eq!(lasts(Group::Jobs, None), "6000");
        assert_eq!(lasts(Group::Stitchers, Some("stitcher-1")), "30000");
    }

    #[test]
    fn a_consumer_s_memory_is_what_is_handed_out_fetched_and_being_fetched() {
        let options = options(Group::Workers, None);
        assert_eq!(options.memory_bytes(&args()), (32 + 16 + 8) << 20);
        let config = consumer(&args(), &options, COMMON_SESSION);
        assert_eq!(config.get("queued.max.messages.kbytes"), Some("16384"));
        assert_eq!(config.get("fetch.max.bytes"), Some("8388608"));
    }
}
