//! Topics as they should be and as they are, and how far behind a group is.
//!
//! Owns creating, checking, raising, lag and the removal of finished records. Must never change a topic that exists
//! unasked: its records belong to someone.

mod check;
mod lag;
mod letters;
mod look;
mod peek;
mod raise;
mod trim;

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

pub use check::{Problem, TopicProblem, check_topics};
pub use lag::{LagClient, PartitionLag, lag};
pub use letters::{Letter, drop_letters, read_letter};
pub use look::{TopicState, look_at_topics};
pub use peek::{Peeked, peek, records_in};
pub use raise::{Change, raise_topics};
pub use trim::Trimmer;

use super::log::Logging;
use super::producer::blocking;
use super::{BusError, Topic, settings};
use crate::config::KafkaArgs;

const CREATING: &str = "creating topics";
const LIMIT: Duration = Duration::from_secs(10);
/// How often brokers are asked for a topic that was just made.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long a leader is asked for a log.
const LOG_LIMIT: Duration = Duration::from_secs(1);
/// The broker's own default replication.
const BROKER_DEFAULT: i32 = -1;

type Admin = AdminClient<Logging>;

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

/// Asks until each of the `topics` has as many partitions as are named, and each of these a leader that has its log.
fn wait_for_leaders(admin: &Admin, mut topics: Vec<(String, usize)>) -> Result<(), KafkaError> {
    let until = Instant::now() + LIMIT;
    loop {
        for at in (0..topics.len()).rev() {
            let (name, least) = &topics[at];
            if is_led(admin, name, *least).unwrap_or(false) {
                topics.swap_remove(at);
            }
        }
        if topics.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut));
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn is_led(admin: &Admin, name: &str, least: usize) -> Result<bool, KafkaError> {
    let metadata = admin.inner().fetch_metadata(Some(name), LIMIT)?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    let has_log = |partition: i32| admin.inner().fetch_watermarks(name, partition, LOG_LIMIT).is_ok();
    Ok(partitions.len() >= least
        && partitions.iter().all(|partition| partition.leader() >= 0 && has_log(partition.id())))
}

fn creation(name: &str, answer: Result<String, (String, RDKafkaErrorCode)>) -> Result<Creation, BusError> {
    match answer {
        Ok(_) => Ok(Creation::Created),
        Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(Creation::Exists),
        Err((_, code)) => Err(BusError::of(CREATING, name, KafkaError::AdminOp(code))),
    }
}

fn admin(args: &KafkaArgs) -> Result<Admin, BusError> {
    let config = settings::client(args, "tessera-admin");
    AdminClient::from_config_and_context(&config, Logging).map_err(BusError::Client)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT))
}
