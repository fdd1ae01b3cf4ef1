//! Looking at the last records of a topic without taking them.
//!
//! Owns reading outside of any group. Must never commit, and never hold more than it was asked for.

use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::LIMIT;
use crate::bus::consumer::copy;
use crate::bus::log::Logging;
use crate::bus::producer::blocking;
use crate::bus::{BusError, Headers, Topic, settings};
use crate::config::KafkaArgs;

const LOOKING: &str = "looking at records";
const POLL: Duration = Duration::from_millis(100);

/// A record that was looked at.
#[derive(Debug, Clone)]
pub struct Peeked {
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: Option<i64>,
    /// Its key, as it came.
    pub key: Option<Vec<u8>>,
    /// Its headers, as they came.
    pub headers: Headers,
    /// Bytes of its value.
    pub payload_bytes: usize,
}

/// The last records of `topic`, at most `limit`, oldest first. Takes nothing from any group.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is
/// missing.
pub async fn peek(args: &KafkaArgs, topic: Topic, limit: usize) -> Result<Vec<Peeked>, BusError> {
    let name = topic.name(args);
    let consumer = reader(args)?;
    let wanted = name.clone();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    blocking(LOOKING, &name, move || read_last(&consumer, &wanted, limit)).await
}

/// A client that reads outside of any group.
pub(super) fn reader(args: &KafkaArgs) -> Result<BaseConsumer<Logging>, BusError> {
    let mut config = settings::client(args, "tessera-peek");
    // The client wants a group's name even where no group is joined.
    config.set("group.id", format!("{}tessera-peek", args.topic_prefix)).set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "false").set("queued.max.messages.kbytes", "4096");
    BaseConsumer::from_config_and_context(&config, Logging).map_err(BusError::Client)
}

/// How many records lie in each partition of a topic, read or not.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is missing.
pub async fn records_in(args: &KafkaArgs, topic: Topic) -> Result<Vec<u64>, BusError> {
    let name = topic.name(args);
    let (consumer, wanted) = (reader(args)?, name.clone());
    let count = move || {
        let of = |partition| {
            let (begin, end) = consumer.fetch_watermarks(&wanted, partition, LIMIT)?;
            Ok(u64::try_from(end.saturating_sub(begin)).unwrap_or(0))
        };
        partitions(&consumer, &wanted)?.into_iter().map(of).collect()
    };
    blocking(LOOKING, &name, count).await
}

fn partitions(consumer: &BaseConsumer<Logging>, topic: &str) -> KafkaResult<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let known = metadata.topics().first();
    if let Some(error) = known.and_then(rdkafka::metadata::MetadataTopic::error) {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    let partitions: Vec<i32> = known.map_or(&[][..], |topic| topic.partitions()).iter().map(|one| one.id()).collect();
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    Ok(partitions)
}

fn read_last(consumer: &BaseConsumer<Logging>, topic: &str, limit: i64) -> KafkaResult<Vec<Peeked>> {
    let mut found = Vec::new();
    for partition in partitions(consumer, topic)? {
        found.extend(read_partition(consumer, topic, partition, limit)?);
    }
    found.sort_by_key(|record| (record.at_ms, record.offset));
    let surplus = found.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found.split_off(surplus))
}

fn read_partition(
    consumer: &BaseConsumer<Logging>,
    topic: &str,
    partition: i32,
    limit: i64,
) -> KafkaResult<Vec<Peeked>> {
    let (begin, end) = consumer.fetch_watermarks(topic, partition, LIMIT)?;
    let mut found = Vec::new();
    read_range(consumer, topic, partition, begin.max(end.saturating_sub(limit))..end, |message| {
        found.push(Peeked {
            partition,
            offset: message.offset(),
            at_ms: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            headers: copy::headers(message),
            payload_bytes: message.payload_len(),
        });
    })?;
    Ok(found)
}

/// Shows the records of a partition whose offsets are in `range` to `take`, as far as they come in time.
pub(super) fn read_range(
    consumer: &BaseConsumer<Logging>,
    topic: &str,
    partition: i32,
    range: Range<i64>,
    mut take: impl FnMut(&BorrowedMessage<'_>),
) -> KafkaResult<()> {
    if range.is_empty() {
        return Ok(());
    }
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, partition, Offset::Offset(range.start))?;
    consumer.assign(&place)?;
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        let Some(message) = consumer.poll(POLL) else { continue };
        let message = message?;
        // Deleted meanwhile, or left out by the log: what comes then is beyond the range.
        if range.contains(&message.offset()) {
            take(&message);
        }
        if message.offset() + 1 >= range.end {
            break;
        }
    }
    Ok(())
}
