//! What the consuming client tells us, inside a poll on the polling thread.
//!
//! Owns the last commit before partitions are given up. Must never hold the ledger while it waits for
//! Kafka.

use std::sync::Arc;

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::board::Board;
use super::ledger::{Ledger, Place};
use crate::bus::log;

pub(super) struct Context {
    pub(super) topic: String,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) board: Arc<Board>,
    /// The client this belongs to, as the ledger counts them.
    pub(super) client: u64,
}

impl Context {
    fn with_ledger(&self, change: impl FnOnce(&mut Ledger)) {
        let mut ledger = self.ledger.lock();
        if ledger.is_client(self.client) {
            change(&mut ledger);
            self.board.set_assignment(ledger.assignment());
        }
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: Vec<i32>) {
        let points = {
            let ledger = self.ledger.lock();
            if ledger.is_client(self.client) { ledger.commit_points(&partitions) } else { Vec::new() }
        };
        if !points.is_empty() && !consumer.assignment_lost() {
            let list = list(&self.topic, &points);
            if let Err(error) = consumer.commit(&list, CommitMode::Sync) {
                tracing::warn!(%error, topic = self.topic, "committing before partitions go; some records come twice");
            }
        }
        tracing::info!(topic = self.topic, ?partitions, "partitions given up");
        self.with_ledger(|ledger| ledger.revoke(partitions));
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log::line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka consumer");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                let partitions = partitions(list);
                tracing::info!(topic = self.topic, ?partitions, "partitions assigned");
                self.with_ledger(|ledger| ledger.assign(partitions));
                self.board.connected();
            }
            Rebalance::Revoke(list) => self.revoke(consumer, partitions(list)),
            Rebalance::Error(error) => self.board.failed(error),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, topic = self.topic, "committing");
            self.with_ledger(Ledger::commit_failed);
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect()
}

/// Places as the client wants them.
pub(super) fn list(topic: &str, places: &[Place]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(places.len());
    for (partition, offset) in places {
        // Fails for offsets that no record has; such a place is left out.
        let _ = list.add_partition_offset(topic, *partition, Offset::Offset(*offset));
    }
    list
}
