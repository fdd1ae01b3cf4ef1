//! Topics as they should be and as they are, and how far behind a group is.
//!
//! Owns creating, checking, raising, lag and the removal of finished records. Must never change a topic that exists
//! unasked: its records belong to someone.

mod check;
mod client;
mod lag;
mod letters;
mod look;
mod members;
mod peek;
mod raise;
mod trim;

use rdkafka::admin::{NewTopic, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

pub use check::{Problem, TopicProblem, check_topics};
pub use lag::{LagClient, PartitionLag, lag};
pub use letters::{Letter, drop_letters, read_letter};
pub use look::{TopicState, look_at_topics};
pub use peek::{Peeked, peek, records_in};
pub use raise::{Change, raise_topics};
pub use trim::Trimmer;

use super::producer::blocking;
use super::{BusError, Topic};
use crate::config::KafkaArgs;
use client::{admin, options, wait_for_leaders};

const CREATING: &str = "creating topics";
/// The broker's own default replication.
const BROKER_DEFAULT: i32 = -1;

/// What became of a topic that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It is there now.
    Created,
    /// It was there before; its settings were left as they are, see [`check_topics`] and [`raise_topics`].
    Exists,
}

/// Creates the topics that are missing, and waits until their logs are there: the controller answers before brokers
/// know of a topic, and they tell of it before they have its logs. Who writes in between is refused.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer in time, [`BusError::Refused`] when it will not.
pub async fn create_topics(args: &KafkaArgs) -> Result<Vec<(Topic, Creation)>, BusError> {
    let topics = Topic::ALL.map(|topic| (topic, topic.name(args), topic.settings(args)));
    let wanted: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|(_, name, settings)| {
            let topic = NewTopic::new(name, settings.partitions, TopicReplication::Fixed(BROKER_DEFAULT));
            settings.config.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let admin = admin(args)?;
    let answers = admin.create_topics(&wanted, &options()).await;
    let answers = answers.map_err(|error| BusError::of(CREATING, "", error))?;
    let named = topics.iter().zip(answers);
    let all = named.map(|((topic, name, _), answer)| Ok((*topic, creation(name, answer)?)));
    let all = all.collect::<Result<Vec<_>, BusError>>()?;
    let made = all.iter().filter(|(_, creation)| *creation == Creation::Created);
    let made = made.map(|(topic, _)| (topic.name(args), 1)).collect();
    blocking(CREATING, "", move || wait_for_leaders(&admin, made)).await?;
    Ok(all)
}

fn creation(name: &str, answer: Result<String, (String, RDKafkaErrorCode)>) -> Result<Creation, BusError> {
    match answer {
        Ok(_) => Ok(Creation::Created),
        Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(Creation::Exists),
        Err((_, code)) => Err(BusError::of(CREATING, name, KafkaError::AdminOp(code))),
    }
}
