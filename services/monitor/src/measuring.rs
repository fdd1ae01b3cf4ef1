//! What an operator wants to see of the dependencies: unread records, dead letters, and room in the store.
//!
//! Owns when they are asked. Decides nothing: who watches the page of metrics does.

use std::time::Duration;

use tessera::bus::admin::{LagClient, records_in};
use tessera::bus::{BusError, Group, Topic};
use tessera::config::KafkaArgs;
use tessera::store::Store;

use crate::counters::MonitorCounters;
use crate::duty::Duty;

/// Between two rounds; Prometheus asks about as often.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// How often a monitor that stands by looks whether it is on duty.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const GROUPS: [Group; 4] = [Group::Jobs, Group::Workers, Group::Stitchers, Group::Monitor];

/// The clients that ask.
#[derive(Debug)]
pub struct Measuring {
    kafka: KafkaArgs,
    groups: Vec<(Group, LagClient)>,
    store: Store,
}

impl Measuring {
    /// Kafka need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect(kafka: &KafkaArgs, store: &Store) -> Result<Self, BusError> {
        let client = |group| Ok((group, LagClient::connect(kafka, group)?));
        let groups = GROUPS.into_iter().map(client).collect::<Result<_, BusError>>()?;
        Ok(Self { kafka: kafka.clone(), groups, store: store.clone() })
    }

    /// Makes rounds while this monitor is on duty; never returns.
    pub async fn run(self, duty: Duty, counts: MonitorCounters) {
        loop {
            let pause = if duty.is_on() { ASK_EVERY } else { LOOK_EVERY };
            if duty.is_on() {
                if let Err(error) = self.ask_kafka(&counts).await {
                    tracing::debug!(%error, "could not ask for unread records");
                }
                match self.store.room() {
                    Ok(room) => counts.room(room.free, room.total),
                    Err(error) => tracing::debug!(%error, "could not ask for room in the store"),
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask_kafka(&self, counts: &MonitorCounters) -> Result<(), BusError> {
        for (group, client) in &self.groups {
            counts.unread(group.topic(), client.ask().await?.iter().map(|lag| lag.records()).sum());
        }
        for topic in Topic::ALL.into_iter().filter_map(Topic::dead_letters) {
            let records: u64 = records_in(&self.kafka, topic).await?.iter().sum();
            counts.waiting(topic, i64::try_from(records).unwrap_or(i64::MAX));
        }
        Ok(())
    }
}
