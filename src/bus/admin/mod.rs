//! Topics as they should be and as they are, and how far behind a group is.
//!
//! Owns creating, checking and lag. Must never change a topic that exists: its records are somebody's.

mod check;
mod lag;

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

pub use check::{Problem, TopicProblem, check_topics};
pub use lag::{PartitionLag, lag};

use super::log::Logging;
use super::{BusError, Topic, settings};
use crate::config::KafkaArgs;

const CREATING: &str = "creating topics";
const LIMIT: Duration = Duration::from_secs(10);
/// The broker's own default replication.
const BROKER_DEFAULT: i32 = -1;

/// What became of a topic that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It is there now.
    Created,
    /// It was there before; its settings were left as they are, see [`check_topics`].
    Exists,
}

/// Creates the topics that are missing.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::Refused`] when it will not.
pub async fn create_topics(args: &KafkaArgs) -> Result<Vec<(Topic, Creation)>, BusError> {
    let topics = Topic::ALL.map(|topic| (topic, topic.name(args), topic.settings(args)));
    let wanted: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|(_, name, settings)| {
            let topic = NewTopic::new(name, settings.partitions, TopicReplication::Fixed(BROKER_DEFAULT));
            settings.config.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let answers = admin(args)?.create_topics(&wanted, &options()).await;
    let answers = answers.map_err(|error| BusError::of(CREATING, "", error))?;
    topics.iter().zip(answers).map(|((topic, name, _), answer)| Ok((*topic, creation(name, answer)?))).collect()
}

fn creation(name: &str, answer: Result<String, (String, RDKafkaErrorCode)>) -> Result<Creation, BusError> {
    match answer {
        Ok(_) => Ok(Creation::Created),
        Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(Creation::Exists),
        Err((_, code)) => Err(BusError::of(CREATING, name, KafkaError::AdminOp(code))),
    }
}

fn admin(args: &KafkaArgs) -> Result<AdminClient<Logging>, BusError> {
    let config = settings::client(args, "tessera-admin");
    AdminClient::from_config_and_context(&config, Logging).map_err(BusError::Client)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT))
}
