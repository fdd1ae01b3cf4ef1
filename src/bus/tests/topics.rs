//! Topics as they should be.

use rdkafka::admin::{AlterConfig, ResourceSpecifier};

use super::*;
use crate::bus::admin::{Change, Creation, Problem, check_topics, create_topics, look_at_topics, raise_topics};

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
    let tasks = format!("topic {}tasks has 4 partitions, 9 are needed", bus.args.topic_prefix);
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

/// Sets one setting of a topic, as an operator would, and no other.
async fn set(bus: &Bus, topic: Topic, settings: &[(&str, &str)]) {
    let config = settings::client(&bus.args, "bus-test-admin");
    let admin = AdminClient::from_config_and_context(&config, log::Logging).unwrap();
    let name = topic.name(&bus.args);
    let alter = AlterConfig::new(ResourceSpecifier::Topic(&name));
    let alter = settings.iter().fold(alter, |alter, (name, value)| alter.set(name, value));
    admin.alter_configs([&alter], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn raising_brings_topics_to_what_is_asked_for_and_leaves_others_settings() {
    let bus = Bus::new().await;
    set(
        &bus,
        Topic::Tasks,
        &[("retention.bytes", "-1"), ("segment.bytes", "1073741824"), ("min.insync.replicas", "1")],
    )
    .await;
    let larger = KafkaArgs { tasks_partitions: 9, results_partitions: 1, ..bus.args.clone() };
    // A broker takes note of a change some time after it has answered.
    let is_set = async || {
        let before = look_at_topics(&larger).await.unwrap();
        assert_eq!(before[1].topic, Topic::Tasks);
        before[1].is_too_roomy() && before[1].most_bytes().is_none() && before[1].setting("min.insync.replicas") == "1"
    };
    until("the broker to know", is_set).await;
    let changes = raise_topics(&larger).await.unwrap();
    let tasks = &changes.iter().find(|(topic, _)| *topic == Topic::Tasks).unwrap().1;
    assert!(tasks.contains(&Change::Partitions { from: 4, to: 9 }), "{tasks:?}");
    assert!(tasks.iter().any(|change| matches!(change, Change::Setting { name: "retention.bytes", .. })), "{tasks:?}");
    let raised = async || {
        let after = look_at_topics(&larger).await.unwrap();
        let own = after[1].setting("min.insync.replicas") == "1" && !after[1].is_too_roomy();
        own && after.iter().all(|topic| topic.problems().is_empty())
            && after[1].partitions == 9
            && after[2].partitions == 2
    };
    until("the brokers to know", raised).await;
    assert!(raise_topics(&larger).await.unwrap().iter().all(|(_, changes)| changes.is_empty()));
    // Who asks for fewer finds nothing wrong with more, each of which keeps less.
    assert_eq!(check_topics(&bus.args).await.unwrap(), []);
}

#[tokio::test]
async fn raising_takes_no_room_from_what_is_unread() {
    let bus = Bus::new().await;
    set(&bus, Topic::TasksDlq, &[("retention.bytes", "-1")]).await;
    let small = KafkaArgs { kafka_log_bytes: 64 << 20, ..bus.args.clone() };
    for letter in 0..8 {
        bus.send(Topic::TasksDlq, 0, format!("letter {letter}")).await;
    }
    let kept = async |args: &KafkaArgs| {
        let changes = raise_topics(args).await.unwrap();
        changes.into_iter().find(|(topic, _)| *topic == Topic::TasksDlq).unwrap().1
    };
    let changes = kept(&small).await;
    assert!(changes.contains(&Change::Kept { name: "retention.bytes", unread: 8 }), "{changes:?}");
    let changes = kept(&bus.args).await;
    assert!(
        changes.iter().any(|change| matches!(change, Change::Setting { name: "retention.bytes", .. })),
        "{changes:?}"
    );
}
