//! The topics that a system has to itself.

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
