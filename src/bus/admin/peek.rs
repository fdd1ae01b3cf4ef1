//! Looking at the last records of a topic without taking them.
//!
//! Owns reading outside of any group. Must never commit, and never hold more than it was asked for.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::LIMIT;
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
    let consumer = client(args)?;
    let wanted = name.clone();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    blocking(LOOKING, &name, move || read_last(&consumer, &wanted, limit)).await
}

/// How many records lie in each partition of a topic that no group reads.
pub(super) async fn waiting(args: &KafkaArgs, topic: Topic) -> Result<Vec<u64>, BusError> {
    let name = topic.name(args);
    let (consumer, wanted) = (client(args)?, name.clone());
    let count = move || {
        let of = |partition| {
            let (begin, end) = consumer.fetch_watermarks(&wanted, partition, LIMIT)?;
            Ok(u64::try_from(end.saturating_sub(begin)).unwrap_or(0))
        };
        partitions(&consumer, &wanted)?.into_iter().map(of).collect()
    };
    blocking(LOOKING, &name, count).await
}

fn client(args: &KafkaArgs) -> Result<BaseConsumer<Logging>, BusError> {
    let mut config = settings::client(args, "tessera-peek");
    // The client wants a group's name even where no group is joined.
    config.set("group.id", format!("{}tessera-peek", args.topic_prefix)).set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "false").set("queued.max.messages.kbytes", "4096");
    BaseConsumer::from_config_and_context(&config, Logging).map_err(BusError::Client)
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
    let from = begin.max(end.saturating_sub(limit));
    let mut found = Vec::new();
    if from >= end {
        return Ok(found);
    }
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, partition, Offset::Offset(from))?;
    consumer.assign(&place)?;
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        let Some(message) = consumer.poll(POLL) else { continue };
        let message = message?;
        let is_last = message.offset() + 1 >= end;
        found.push(Peeked {
            partition,
            offset: message.offset(),
            at_ms: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            headers: copy::headers(&message),
            payload_bytes: message.payload_len(),
        });
        if is_last {
            break;
        }
    }
    Ok(found)
}
