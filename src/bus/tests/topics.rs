//! Topics as they should be.

use super::*;
use crate::bus::admin::{Creation, Problem, check_topics, create_topics};

#[tokio::test]
async fn creating_again_changes_nothing_and_the_check_is_content() {
    let bus = Bus::without_topics();
    let missing = check_topics(&bus.args).await.unwrap();
    assert_eq!(missing.len(), Topic::ALL.len());
    assert!(missing.iter().all(|problem| problem.problem == Problem::Missing), "{missing:?}");
    let first = create_topics(&bus.args).await.unwrap();
    assert!(first.iter().all(|(_, creation)| *creation == Creation::Created), "{first:?}");
    let second = create_topics(&bus.args).await.unwrap();
    assert!(second.iter().all(|(_, creation)| *creation == Creation::Exists), "{second:?}");
    assert_eq!(check_topics(&bus.args).await.unwrap(), []);
}

#[tokio::test]
async fn a_topic_that_is_too_small_is_a_problem() {
    let bus = Bus::new().await;
    let larger = KafkaArgs { tasks_partitions: 9, max_record_bytes: 4 << 20, ..bus.args.clone() };
    let problems: Vec<String> = check_topics(&larger).await.unwrap().iter().map(ToString::to_string).collect();
    let tasks = format!("topic {}tasks has 4 partitions, 9 are needed; add some", bus.args.topic_prefix);
    assert!(problems.contains(&tasks), "{problems:?}");
    assert_eq!(problems.iter().filter(|text| text.contains("max.message.bytes=1048588")).count(), 2, "{problems:?}");
}

#[tokio::test]
async fn a_topic_made_later_is_found() {
    let bus = Bus::without_topics();
    let (consumer, mut records) = bus.consume(Topic::Jobs, 8);
    let error = bus.producer.send(record(Topic::Jobs, 0, "too early")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    until("the consumer to miss its topic", async || consumer.status().last_error.is_some()).await;
    create_topics(&bus.args).await.unwrap();
    until("the producer to find it", async || bus.producer.send(record(Topic::Jobs, 0, "now")).await.is_ok()).await;
    assert_eq!(receive(&mut records).await.payload, b"now");
    assert!(consumer.status().is_connected);
    consumer.stop(Duration::ZERO).await.unwrap();
}
