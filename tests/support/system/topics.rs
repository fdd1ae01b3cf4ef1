//! The topics that a system has to itself, and the loss of what is in them.

use anyhow::Result;
use tessera::bus::Topic;
use tessera::config::KafkaArgs;

fn on_runtime<T>(task: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(task))
}

pub fn create_topics(kafka: &KafkaArgs) -> Result<()> {
    on_runtime(tessera::bus::admin::create_topics(kafka))??;
    Ok(())
}

pub fn delete_topics(kafka: &KafkaArgs) -> Result<()> {
    use rdkafka::admin::{AdminClient, AdminOptions};
    let admin: AdminClient<rdkafka::client::DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &kafka.kafka_brokers).create()?;
    let names: Vec<String> = Topic::ALL.iter().map(|topic| topic.name(kafka)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    on_runtime(admin.delete_topics(&names, &AdminOptions::new()))??;
    Ok(())
}

/// How many records were ever written to a topic, whatever became of them.
pub fn written(kafka: &KafkaArgs, topic: Topic) -> Result<i64> {
    Ok(ends(kafka, topic)?.iter().sum())
}

/// Deletes every record that a topic has now, read or not.
pub fn delete_records(kafka: &KafkaArgs, topic: Topic) -> Result<()> {
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::client::DefaultClientContext;
    use rdkafka::{Offset, TopicPartitionList};
    let admin: AdminClient<DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &kafka.kafka_brokers).create()?;
    let (name, mut list) = (topic.name(kafka), TopicPartitionList::new());
    for (partition, end) in (0..).zip(ends(kafka, topic)?) {
        list.add_partition_offset(&name, partition, Offset::Offset(end))?;
    }
    on_runtime(admin.delete_records(&list, &AdminOptions::new()))??;
    Ok(())
}

/// One past the last offset of each partition.
fn ends(kafka: &KafkaArgs, topic: Topic) -> Result<Vec<i64>> {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    let consumer: BaseConsumer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &kafka.kafka_brokers).create()?;
    let name = topic.name(kafka);
    let end = |partition| Ok(consumer.fetch_watermarks(&name, partition, crate::support::LONG)?.1);
    (0..topic.settings(kafka).partitions).map(end).collect()
}
