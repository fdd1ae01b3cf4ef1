//! Keeps Kafka's logs small: removes from `tasks` and `results` what has been finished.
//!
//! Owns when. What may go is the library's to say: nothing that a group may still want.

use std::time::Duration;

use tessera::bus::admin::Trimmer;
use tessera::bus::{BusError, Group};
use tessera::config::KafkaArgs;

use crate::counters::MonitorCounters;
use crate::duty::Duty;

/// Between two rounds: what is finished in between is all that lies on the disk without need.
const TRIM_EVERY: Duration = Duration::from_secs(3);
/// Commands and heartbeats are too small to be worth it.
const GROUPS: [Group; 2] = [Group::Workers, Group::Stitchers];

/// The trimmers of both topics, and whether each was refused the last time.
#[derive(Debug)]
pub struct Trimming {
    trimmers: Vec<(Group, Trimmer, bool)>,
}

impl Trimming {
    /// Kafka need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect(kafka: &KafkaArgs) -> Result<Self, BusError> {
        let trimmer = |group| Ok((group, Trimmer::connect(kafka, group)?, false));
        Ok(Self { trimmers: GROUPS.into_iter().map(trimmer).collect::<Result<_, BusError>>()? })
    }

    /// Makes rounds while this monitor is on duty; never returns.
    pub async fn run(mut self, duty: Duty, counts: MonitorCounters) {
        loop {
            tokio::time::sleep(TRIM_EVERY).await;
            if duty.is_on() {
                self.round(&counts).await;
            }
        }
    }

    async fn round(&mut self, counts: &MonitorCounters) {
        for (group, trimmer, is_hindered) in &mut self.trimmers {
            let topic = group.topic().base_name();
            match trimmer.trim().await {
                Ok(records) => {
                    counts.trimmed(*group, records);
                    if std::mem::take(is_hindered) {
                        tracing::info!(topic, "finished records are removed from Kafka again");
                    }
                }
                // An outage is told once, and its end.
                Err(error) if *is_hindered => tracing::debug!(topic, %error, "could not remove finished records"),
                Err(error) => {
                    *is_hindered = true;
                    tracing::warn!(topic, %error, "could not remove finished records; Kafka keeps them for a while");
                }
            }
        }
    }
}
