//! How far behind a group is.
//!
//! Owns the questions for committed and last offsets. Must never join the group.

use std::sync::Arc;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::client::LIMIT;
use super::members;
use crate::bus::log::Logging;
use crate::bus::producer::blocking;
use crate::bus::{BusError, Group, settings};
use crate::config::KafkaArgs;

const ASKING: &str = "asking for the lag of a group";
const ASKING_MEMBERS: &str = "asking who reads what in a group";

/// How far a group is in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionLag {
    /// The partition.
    pub partition: i32,
    /// The next offset that the group will read after a restart, if it ever committed one.
    pub committed: Option<i64>,
    /// The first offset that is still in the log.
    pub begin: i64,
    /// One past the last offset.
    pub end: i64,
}

impl PartitionLag {
    /// Records that the group has not finished.
    #[must_use]
    pub fn records(&self) -> i64 {
        let from = self.committed.unwrap_or(self.begin).max(self.begin);
        self.end.saturating_sub(from).max(0)
    }
}

/// A client that asks how far one group is, again and again. Clones share it.
#[derive(Clone)]
pub struct LagClient {
    consumer: Arc<BaseConsumer<Logging>>,
    topic: String,
    group: String,
}

impl std::fmt::Debug for LagClient {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("LagClient").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl LagClient {
    /// A client that asks about `group`. Kafka need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect(args: &KafkaArgs, group: Group) -> Result<Self, BusError> {
        let mut config = settings::client(args, "tessera-lag");
        config.set("group.id", group.name(args)).set("enable.auto.commit", "false");
        let consumer = BaseConsumer::from_config_and_context(&config, Logging).map_err(BusError::Client)?;
        Ok(Self { consumer: Arc::new(consumer), topic: group.topic().name(args), group: group.name(args) })
    }

    /// How far the group is in each partition of its topic.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is missing.
    pub async fn ask(&self) -> Result<Vec<PartitionLag>, BusError> {
        let (consumer, topic) = (Arc::clone(&self.consumer), self.topic.clone());
        blocking(ASKING, &self.topic, move || ask(&consumer, &topic)).await
    }

    /// The partitions of the topic that each member of the group reads now; members without any are left out.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when Kafka does not answer.
    pub async fn members(&self) -> Result<Vec<Vec<i32>>, BusError> {
        let (consumer, group, topic) = (Arc::clone(&self.consumer), self.group.clone(), self.topic.clone());
        blocking(ASKING_MEMBERS, &self.topic, move || members::ask(&consumer, &group, &topic)).await
    }
}

/// How far a group is in each partition of its topic. Who asks more than once keeps a [`LagClient`].
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is
/// missing.
pub async fn lag(args: &KafkaArgs, group: Group) -> Result<Vec<PartitionLag>, BusError> {
    LagClient::connect(args, group)?.ask().await
}

fn ask(consumer: &BaseConsumer<Logging>, topic: &str) -> KafkaResult<Vec<PartitionLag>> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let known = metadata.topics().first();
    if let Some(error) = known.and_then(rdkafka::metadata::MetadataTopic::error) {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    let partitions = known.map_or(&[][..], |topic| topic.partitions());
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, partition.id());
    }
    let log_offsets = |which| {
        let mut asked = list.clone();
        asked.set_all_offsets(which)?;
        consumer.offsets_for_times(asked, LIMIT).map(|answer| offsets(&answer))
    };
    let (begins, ends) = (log_offsets(Offset::Beginning)?, log_offsets(Offset::End)?);
    let committed = offsets(&consumer.committed_offsets(list.clone(), LIMIT)?);
    let partitions = partitions.iter().map(rdkafka::metadata::MetadataPartition::id);
    let lag = |partition| {
        let (begin, end) = (find(&begins, partition).unwrap_or(0), find(&ends, partition).unwrap_or(0));
        PartitionLag { partition, committed: find(&committed, partition), begin, end }
    };
    Ok(partitions.map(lag).collect())
}

fn offsets(list: &TopicPartitionList) -> Vec<(i32, i64)> {
    let place = |(_, partition, offset): (_, i32, Offset)| match offset {
        Offset::Offset(offset) => Some((partition, offset)),
        _ => None,
    };
    list.elements()
        .iter()
        .map(|element| (element.topic(), element.partition(), element.offset()))
        .filter_map(place)
        .collect()
}

fn find(places: &[(i32, i64)], partition: i32) -> Option<i64> {
    places.iter().find(|place| place.0 == partition).map(|place| place.1)
}
