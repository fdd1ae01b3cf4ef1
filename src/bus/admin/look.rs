//! Topics as they are: partitions and settings, as the broker tells them.
//!
//! Owns the two questions. Judges nothing, changes nothing.

use rdkafka::admin::{ConfigResource, ConfigSource, ResourceSpecifier};
use rdkafka::error::KafkaError;

use super::client::{Admin, LIMIT, admin, options};
use crate::bus::producer::blocking;
use crate::bus::{BusError, Topic, TopicSettings};
use crate::config::KafkaArgs;

const LOOKING: &str = "asking how the topics are";

/// A topic as it is on the broker.
#[derive(Debug)]
pub struct TopicState {
    /// Which it is.
    pub topic: Topic,
    /// Its name on the broker.
    pub name: String,
    /// Its partitions; none, if there is no such topic.
    pub partitions: usize,
    /// How it should be. More partitions than that were added by an operator, and stay.
    pub wanted: TopicSettings,
    config: Option<ConfigResource>,
}

impl TopicState {
    /// Whether there is such a topic. A broker describes one that it does not have by an empty answer.
    pub fn exists(&self) -> bool {
        self.partitions > 0 && self.config.as_ref().is_some_and(|config| !config.entries.is_empty())
    }

    /// One of its settings, as Kafka names it; empty if it has none of that name.
    pub fn setting(&self, name: &str) -> String {
        let entry = self.config.as_ref().and_then(|config| config.get(name));
        entry.and_then(|entry| entry.value.clone()).unwrap_or_default()
    }

    /// What its log may come to on a broker that has all its partitions; `None` where nothing bounds it.
    pub fn most_bytes(&self) -> Option<u64> {
        let number = |name: &str| self.setting(name).parse::<u64>().ok();
        let each = number("retention.bytes")?.checked_add(number("segment.bytes")?)?;
        each.checked_mul(self.partitions as u64)
    }

    /// The settings that were given to this topic, and not to all.
    pub(super) fn own_settings(&self) -> Vec<(String, String)> {
        let entries = self.config.iter().flat_map(|config| &config.entries);
        let own = entries.filter(|entry| entry.source == ConfigSource::DynamicTopic);
        own.filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?))).collect()
    }
}

/// Looks at all topics.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer.
pub async fn look_at_topics(args: &KafkaArgs) -> Result<Vec<TopicState>, BusError> {
    look(admin(args)?, args).await
}

pub(super) async fn look(admin: Admin, args: &KafkaArgs) -> Result<Vec<TopicState>, BusError> {
    let names = Topic::ALL.map(|topic| topic.name(args));
    let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let configs = admin.describe_configs(&resources, &options()).await;
    let configs = configs.map_err(|error| BusError::of(LOOKING, "", error))?;
    let partitions = blocking(LOOKING, "", {
        let names = names.clone();
        move || names.iter().map(|name| partitions_of(&admin, name)).collect::<Result<Vec<_>, _>>()
    })
    .await?;
    let all = Topic::ALL.into_iter().zip(names).zip(configs.into_iter().zip(partitions));
    let state = |((topic, name), (config, partitions)): ((Topic, String), (Result<_, _>, usize))| {
        let config = match config {
            _ if partitions == 0 => None,
            Ok(config) => Some(config),
            Err(code) => return Err(BusError::of(LOOKING, &name, KafkaError::AdminOp(code))),
        };
        Ok(TopicState { topic, wanted: topic.settings_for(args, partitions), name, partitions, config })
    };
    all.map(state).collect()
}

fn partitions_of(admin: &Admin, name: &str) -> Result<usize, KafkaError> {
    let metadata = admin.inner().fetch_metadata(Some(name), LIMIT)?;
    Ok(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))
}
