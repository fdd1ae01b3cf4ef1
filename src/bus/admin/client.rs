//! The client that asks and changes, its limits, and waiting until brokers know of a topic.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::bus::log::Logging;
use crate::bus::{BusError, settings};
use crate::config::KafkaArgs;

/// The longest that a question may take.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// How often brokers are asked for a topic that was just made.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long a leader is asked for a log.
const LOG_LIMIT: Duration = Duration::from_secs(1);

/// As all of it is called here.
pub(super) type Admin = AdminClient<Logging>;

/// Asks until each of the `topics` has as many partitions as are named, and each of these a leader that has its log.
pub(super) fn wait_for_leaders(admin: &Admin, mut topics: Vec<(String, usize)>) -> Result<(), KafkaError> {
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

/// A client that may ask for topics and change them.
pub(super) fn admin(args: &KafkaArgs) -> Result<Admin, BusError> {
    let config = settings::client(args, "tessera-admin");
    AdminClient::from_config_and_context(&config, Logging).map_err(BusError::Client)
}

/// No question takes longer than [`LIMIT`].
pub(super) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT))
}
