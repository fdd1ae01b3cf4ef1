//! The bus on a real broker, at `TESSERA_TEST_KAFKA_BROKERS`; each test has topics of its own.

mod delivery;
mod forgetting;
mod group;
mod outage;
mod topics;
mod trimming;

use std::time::Duration;

use bytes::Bytes;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::config::FromClientConfigAndContext;
use tokio::sync::mpsc::Receiver;

use super::admin::{self, PartitionLag};
use super::{Consumer, ConsumerOptions, Delivery, Group, Outgoing, Producer, Topic, log, settings};
use crate::config::KafkaArgs;

/// Longer than any wait that can end well.
const PATIENCE: Duration = Duration::from_secs(40);

/// Topics under a prefix of their own, deleted on drop.
struct Bus {
    args: KafkaArgs,
    producer: Producer,
}

impl Bus {
    async fn new() -> Self {
        let bus = Self::without_topics();
        admin::create_topics(&bus.args).await.expect("creating topics");
        bus
    }

    fn without_topics() -> Self {
        let brokers = std::env::var("TESSERA_TEST_KAFKA_BROKERS").expect("TESSERA_TEST_KAFKA_BROKERS names a broker");
        let args = KafkaArgs {
            tasks_partitions: 4,
            results_partitions: 2,
            jobs_partitions: 1,
            ..KafkaArgs::new(brokers, format!("bus-{}.", uuid::Uuid::new_v4().simple()))
        };
        let producer = Producer::connect(&args, "bus-test").unwrap();
        Self { args, producer }
    }

    async fn send(&self, topic: Topic, partition: i32, payload: impl Into<Bytes>) -> i64 {
        let record = record(topic, partition, payload);
        self.producer.send(record).await.expect("sending").offset
    }

    fn consume(&self, topic: Topic, max_in_flight: usize) -> (Consumer, Receiver<Delivery>) {
        Consumer::start(&self.args, options(topic, max_in_flight)).unwrap()
    }

    async fn lag(&self, group: Group) -> Vec<PartitionLag> {
        admin::lag(&self.args, group).await.expect("asking for the lag")
    }

    async fn committed(&self, group: Group, partition: i32) -> Option<i64> {
        self.lag(group).await.iter().find(|lag| lag.partition == partition).unwrap().committed
    }

    async fn wait_for_commit(&self, group: Group, partition: i32, offset: i64) {
        until("the commit", async || self.committed(group, partition).await == Some(offset)).await;
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let args = self.args.clone();
        // Not on the test's runtime, which this must not block.
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let config = settings::client(&args, "bus-test-admin");
            let admin = AdminClient::from_config_and_context(&config, log::Logging).unwrap();
            let names = Topic::ALL.map(|topic| topic.name(&args));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let _ = runtime.block_on(admin.delete_topics(&names, &AdminOptions::new()));
        });
        let _ = deleting.join();
    }
}

fn record(topic: Topic, partition: i32, payload: impl Into<Bytes>) -> Outgoing {
    Outgoing { topic, key: None, partition: Some(partition), headers: Vec::new(), payload: payload.into() }
}

fn options(topic: Topic, max_in_flight: usize) -> ConsumerOptions {
    let group = [Group::Jobs, Group::Workers, Group::Stitchers, Group::Monitor];
    ConsumerOptions {
        group: group.into_iter().find(|group| group.topic() == topic).unwrap(),
        topic,
        static_member: None,
        max_in_flight,
        max_in_flight_bytes: 64 << 20,
        client_id: "bus-test".to_owned(),
    }
}

async fn receive(records: &mut Receiver<Delivery>) -> Delivery {
    tokio::time::timeout(PATIENCE, records.recv()).await.expect("a record in time").expect("the consumer runs")
}

async fn receive_many(records: &mut Receiver<Delivery>, count: usize) -> Vec<Delivery> {
    let mut received = Vec::new();
    while received.len() < count {
        received.push(receive(records).await);
    }
    received
}

/// Asks again and again until the answer is yes.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}
