//! Comparing topics with what is needed.
//!
//! Owns which differences are problems. Must never complain of a topic that is roomier than needed.

use std::fmt;

use rdkafka::admin::{ConfigResource, ResourceSpecifier};
use rdkafka::error::KafkaError;

use super::{Admin, LIMIT, admin, options};
use crate::bus::producer::blocking;
use crate::bus::{BusError, Topic};
use crate::config::KafkaArgs;

const CHECKING: &str = "checking topics";

/// A topic that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicProblem {
    /// The topic's name on the broker.
    pub topic: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no such topic.
    Missing,
    /// It has too few partitions.
    Partitions {
        /// As it is.
        found: usize,
        /// As it should be, at least.
        needed: i32,
    },
    /// A setting of it loses or refuses records.
    Setting {
        /// Kafka's name of the setting.
        name: &'static str,
        /// As it is.
        found: String,
        /// As it should be, at least.
        needed: String,
    },
}

impl fmt::Display for TopicProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = &self.topic;
        match &self.problem {
            Problem::Missing => write!(out, "topic {topic} is missing; run `tessera topics create`"),
            Problem::Partitions { found, needed } => {
                write!(out, "topic {topic} has {found} partitions, {needed} are needed; add some")
            }
            Problem::Setting { name, found, needed } => {
                write!(out, "topic {topic} has {name}={found}, needed is {needed}; change it")
            }
        }
    }
}

/// Compares the topics with what is needed; no problem, no entry.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer.
pub async fn check_topics(args: &KafkaArgs) -> Result<Vec<TopicProblem>, BusError> {
    let admin = admin(args)?;
    let names = Topic::ALL.map(|topic| topic.name(args));
    let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let configs = admin.describe_configs(&resources, &options()).await;
    let configs = configs.map_err(|error| BusError::of(CHECKING, "", error))?;
    let partitions = blocking(CHECKING, "", {
        let names = names.clone();
        move || names.iter().map(|name| partitions_of(&admin, name)).collect::<Result<Vec<_>, _>>()
    })
    .await?;
    let mut problems = Vec::new();
    for ((topic, name), (config, partitions)) in Topic::ALL.iter().zip(names).zip(configs.into_iter().zip(partitions)) {
        match config {
            // A broker describes a topic that it does not have by an empty answer.
            Ok(config) if partitions == 0 || config.entries.is_empty() => problems.push(Problem::Missing.of(&name)),
            Ok(config) => problems.extend(compare(*topic, &config, partitions, args)),
            Err(code) => return Err(BusError::of(CHECKING, &name, KafkaError::AdminOp(code))),
        }
    }
    Ok(problems)
}

fn partitions_of(admin: &Admin, name: &str) -> Result<usize, KafkaError> {
    let metadata = admin.inner().fetch_metadata(Some(name), LIMIT)?;
    Ok(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))
}

impl Problem {
    fn of(self, topic: &str) -> TopicProblem {
        TopicProblem { topic: topic.to_owned(), problem: self }
    }
}

fn compare(topic: Topic, config: &ConfigResource, partitions: usize, args: &KafkaArgs) -> Vec<TopicProblem> {
    let name = topic.name(args);
    let settings = topic.settings(args);
    let found = |key: &str| config.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let mut problems = Vec::new();
    if usize::try_from(settings.partitions).is_ok_and(|needed| partitions < needed) {
        problems.push(Problem::Partitions { found: partitions, needed: settings.partitions }.of(&name));
    }
    for (key, needed) in settings.config {
        if !is_enough(key, &found(key), &needed) {
            problems.push(Problem::Setting { name: key, found: found(key), needed }.of(&name));
        }
    }
    problems
}

/// Whether a setting serves where `needed` is asked for.
fn is_enough(key: &str, found: &str, needed: &str) -> bool {
    let numbers = || Some((found.parse::<i64>().ok()?, needed.parse::<i64>().ok()?));
    match key {
        "cleanup.policy" => found == needed,
        "max.message.bytes" => numbers().is_some_and(|(found, needed)| found >= needed),
        // Kafka's -1 means without bound.
        "retention.ms" | "retention.bytes" => numbers().is_some_and(|(found, needed)| found < 0 || found >= needed),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_loses_or_refuses_records_is_a_problem() {
        assert!(is_enough("retention.ms", "-1", "1000"));
        assert!(is_enough("retention.bytes", "2000", "1000"));
        assert!(!is_enough("retention.ms", "999", "1000"));
        assert!(!is_enough("max.message.bytes", "1000", "1001"));
        assert!(!is_enough("cleanup.policy", "compact", "delete"));
        assert!(!is_enough("cleanup.policy", "compact,delete", "delete"));
        assert!(is_enough("segment.bytes", "1", "2"));
    }

    #[test]
    fn a_problem_says_what_to_do() {
        let text = Problem::Partitions { found: 1, needed: 64 }.of("tasks").to_string();
        assert_eq!(text, "topic tasks has 1 partitions, 64 are needed; add some");
        assert!(Problem::Missing.of("tasks").to_string().contains("tessera topics create"));
    }
}
