//! The native consumer with the calls that the polling thread makes on it.
//!
//! Owns opening, committing, seeking, pausing, the lag and closing. Must never decide when.

use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};

use super::context::{Context, list};
use super::ledger::Place;
use crate::bus::brokers::Brokers;
use crate::bus::settings::ConsumerOptions;
use crate::bus::{BusError, settings};
use crate::config::KafkaArgs;

const SEEK_LIMIT: Duration = Duration::from_secs(1);
const PROBE_LIMIT: Duration = Duration::from_millis(500);
const LAG_LIMIT: Duration = Duration::from_secs(5);

/// What a client is opened with.
pub(super) struct Settings {
    pub(super) args: KafkaArgs,
    pub(super) options: ConsumerOptions,
    /// How long its sessions last.
    pub(super) session: Duration,
}

pub(super) struct Client {
    consumer: BaseConsumer<Context>,
    topic: String,
    brokers: Mutex<Brokers>,
}

impl Client {
    /// Opens a client and subscribes. Kafka need not be there yet.
    pub(super) fn open(settings: &Settings, context: Context) -> Result<Self, BusError> {
        let config = settings::consumer(&settings.args, &settings.options, settings.session);
        let topic = context.topic.clone();
        let consumer = BaseConsumer::from_config_and_context(&config, context).map_err(BusError::Client)?;
        consumer.subscribe(&[&topic]).map_err(BusError::Client)?;
        Ok(Self { consumer, topic, brokers: Mutex::new(Brokers::new(&settings.args)) })
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// Waits for a record. Rebalances and commit reports are served inside.
    pub(super) fn poll(&self, limit: Duration) -> Option<KafkaResult<BorrowedMessage<'_>>> {
        self.consumer.poll(limit)
    }

    pub(super) fn commit(&self, places: &[Place], mode: CommitMode) -> KafkaResult<()> {
        self.consumer.commit(&list(&self.topic, places), mode)
    }

    pub(super) fn seek(&self, (partition, offset): Place) -> KafkaResult<()> {
        self.consumer.seek(&self.topic, partition, Offset::Offset(offset), SEEK_LIMIT)
    }

    pub(super) fn pause(&self, partitions: &[i32]) {
        if let Err(error) = self.consumer.pause(&self.partitions(partitions)) {
            tracing::warn!(%error, topic = self.topic, "pausing partitions");
        }
    }

    pub(super) fn resume(&self, partitions: &[i32]) {
        if let Err(error) = self.consumer.resume(&self.partitions(partitions)) {
            tracing::warn!(%error, topic = self.topic, "resuming partitions");
        }
    }

    /// Keeps the client from losing Kafka for good.
    pub(super) fn remind(&self) {
        self.brokers.lock().remind(self.consumer.client());
    }

    /// Whether Kafka answers now, and knows the topic.
    pub(super) fn probe(&self) -> KafkaResult<()> {
        self.ask(PROBE_LIMIT)
    }

    fn ask(&self, limit: Duration) -> KafkaResult<()> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), limit)?;
        let missing = metadata.topics().iter().find_map(rdkafka::metadata::MetadataTopic::error);
        missing.map_or(Ok(()), |error| Err(KafkaError::MetadataFetch(error.into())))
    }

    /// Records above `positions` as far as the client has heard of them; asks no broker.
    pub(super) fn known_lag(&self, positions: &[(i32, Option<i64>)]) -> i64 {
        let lag = |(partition, next): &(i32, Option<i64>)| {
            let end = watermark(self.consumer.client(), &self.topic, *partition)?;
            Some(end.saturating_sub((*next)?).max(0))
        };
        positions.iter().filter_map(lag).sum()
    }

    /// Records in the log above `positions`; from the committed offset on where nothing was read. Without any it
    /// still asks Kafka.
    pub(super) fn lag(&self, positions: &[(i32, Option<i64>)]) -> KafkaResult<i64> {
        if positions.is_empty() {
            return self.ask(LAG_LIMIT).map(|()| 0);
        }
        let wanted: Vec<i32> = positions.iter().map(|(partition, _)| *partition).collect();
        let ends = self.log_offsets(&wanted, Offset::End)?;
        let begins = self.log_offsets(&wanted, Offset::Beginning)?;
        let committed = offsets(&self.consumer.committed_offsets(self.partitions(&wanted), LAG_LIMIT)?);
        let find = |places: &[Place], partition| places.iter().find(|place| place.0 == partition).map(|place| place.1);
        let lag = |(partition, read): &(i32, Option<i64>)| {
            let begin = find(&begins, *partition).unwrap_or(0);
            let from = read.or_else(|| find(&committed, *partition)).unwrap_or(begin).max(begin);
            find(&ends, *partition).map_or(0, |end| end.saturating_sub(from).max(0))
        };
        Ok(positions.iter().map(lag).sum())
    }

    fn log_offsets(&self, partitions: &[i32], which: Offset) -> KafkaResult<Vec<Place>> {
        let mut asked = self.partitions(partitions);
        asked.set_all_offsets(which)?;
        Ok(offsets(&self.consumer.offsets_for_times(asked, LAG_LIMIT)?))
    }

    fn partitions(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.topic, *partition);
        }
        list
    }

    /// Closes a client that may never answer, on a thread of its own.
    pub(super) fn abandon(self) {
        // If no thread can be had, the failed call drops the client here, and waits.
        let closing = std::thread::Builder::new().name("bus-closing".to_owned());
        if let Err(error) = closing.spawn(move || drop(self)) {
            tracing::warn!(%error, "starting a thread to close a Kafka client on");
        }
    }
}

fn offsets(list: &TopicPartitionList) -> Vec<Place> {
    let place = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) => Some((element.partition(), offset)),
        _ => None,
    };
    list.elements().iter().filter_map(place).collect()
}

/// The end of a partition as of the last answer to a fetch; `None` before the first.
fn watermark(client: &rdkafka::client::Client<Context>, topic: &str, partition: i32) -> Option<i64> {
    let topic = std::ffi::CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client lives, the name ends with a zero byte and both results go to variables of ours.
    let error = unsafe {
        rdkafka::bindings::rd_kafka_get_watermark_offsets(
            client.native_ptr(),
            topic.as_ptr(),
            partition,
            &mut low,
            &mut high,
        )
    };
    (error == rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}
