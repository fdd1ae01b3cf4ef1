//! Rubbish, duplicates and replays on the topics: dead-lettered or harmless, and the partition moves on.

use std::time::Duration;

use anyhow::Result;
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tessera::bus::Topic;

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

fn producer(system: &System) -> Result<BaseProducer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", &system.kafka.kafka_brokers)
        .set("message.max.bytes", "1048000")
        .create()?)
}

pub fn records_of(system: &System, topic: Topic) -> Result<i64> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &system.kafka.kafka_brokers).create()?;
    let name = topic.name(&system.kafka);
    let mut count = 0;
    for partition in 0..topic.settings(&system.kafka).partitions {
        let (low, high) = consumer.fetch_watermarks(&name, partition, Duration::from_secs(5))?;
        count += high - low;
    }
    Ok(count)
}

#[test]
fn rubbish_is_dead_lettered_and_the_partitions_move_on() -> Result<()> {
    let system = System::start(&Options::default())?;
    let producer = producer(&system)?;
    let junk = vec![0xA5; 900_000];
    let values: [(&str, &[u8], &str); 5] = [
        ("task/1.0", b"", "{}"),
        ("task/1.0", b"\x00\x01\x02", "not json"),
        ("tile/9.0", &junk, "{}"),
        ("job-command/1.0", b"{\"command\":\"explode\"}", "{}"),
        ("", b"random", ""),
    ];
    let topics = [Topic::Jobs, Topic::Tasks, Topic::Results, Topic::Heartbeats];
    for topic in topics {
        let name = topic.name(&system.kafka);
        for partition in 0..topic.settings(&system.kafka).partitions {
            for (schema, value, header) in values {
                let headers = OwnedHeaders::new()
                    .insert(Header { key: "schema", value: Some(schema) })
                    .insert(Header { key: "task", value: Some(header) })
                    .insert(Header { key: "tile", value: Some(header) });
                let record = BaseRecord::to(&name).partition(partition).key("x").payload(value).headers(headers);
                producer.send(record).map_err(|(error, _)| error)?;
            }
            // A tombstone: no value, no header.
            producer
                .send(BaseRecord::<str, [u8]>::to(&name).partition(partition).key("x"))
                .map_err(|(error, _)| error)?;
        }
        producer.flush(Duration::from_secs(30))?;
    }
    system.submit_and_compare(&pictures::rgb_png(1500, 1200, 21)?, &["gaussian_blur:ksize=5"])?;
    for (topic, dead) in
        [(Topic::Jobs, Topic::JobsDlq), (Topic::Tasks, Topic::TasksDlq), (Topic::Results, Topic::ResultsDlq)]
    {
        let sent = i64::from(topic.settings(&system.kafka).partitions) * 6;
        wait_for(&format!("{sent} dead letters of {topic:?}"), LONG, || {
            Ok((records_of(&system, dead)? == sent).then_some(()))
        })?;
    }
    Ok(())
}

#[test]
fn replaying_all_results_twice_changes_nothing() -> Result<()> {
    let mut system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(1500, 1200, 22)?;
    // It would remove the results that are to be replayed.
    system.process("monitor")?.signal(libc::SIGSTOP)?;
    let job = system.submit_and_compare(&picture, &["invert"])?;
    let before = (system.result(&job)?, system.field(&job, "finished_at")?, system.files("store").len());
    let replayed = replay(&system, 2)?;
    system.process("monitor")?.signal(libc::SIGCONT)?;
    assert!(replayed >= 9, "{replayed} results to replay");
    // A job sent behind the replayed records on every partition shows that they have been read.
    for seed in 0..8 {
        system.submit_and_compare(&pictures::rgb_png(600, 600, 30 + seed)?, &["invert"])?;
    }
    assert_eq!(system.result(&job)?, before.0);
    assert_eq!(system.field(&job, "finished_at")?, before.1);
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))?;
    Ok(())
}

/// Sends every record of `results` again, `times` times; gives how many there were.
pub fn replay(system: &System, times: usize) -> Result<usize> {
    replay_of(system, Topic::Results, times)
}

/// As [`replay`], of any topic.
pub fn replay_of(system: &System, topic: Topic, times: usize) -> Result<usize> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &system.kafka.kafka_brokers)
        .set("group.id", format!("{}replay", system.prefix))
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "false")
        .create()?;
    let name = topic.name(&system.kafka);
    let total = records_of(system, topic)?;
    consumer.subscribe(&[&name])?;
    let producer = producer(system)?;
    let mut seen = 0;
    while i64::try_from(seen)? < total {
        // Joining the group ends a poll early, without a record.
        let polled = wait_for("a record to replay", LONG, || Ok(consumer.poll(Duration::from_millis(100))))?;
        let message = polled?;
        let headers = message.headers().map(|headers| headers.detach()).unwrap_or_default();
        for _ in 0..times {
            let record = BaseRecord::to(&name)
                .partition(message.partition())
                .payload(message.payload().unwrap_or_default())
                .headers(headers.clone());
            let record = match message.key() {
                Some(key) => record.key(key),
                None => record,
            };
            producer.send(record).map_err(|(error, _)| error)?;
        }
        seen += 1;
    }
    producer.flush(Duration::from_secs(30))?;
    Ok(seen)
}
