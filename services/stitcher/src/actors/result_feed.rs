//! `ResultFeed`: hands the records of `results` to the assembler, in batches.
//!
//! Owns the consumer. The next batch is taken when the one before is in the spool, so that the bus stops
//! polling when the assembler is behind. Reads nothing of a record.

use std::time::Duration;

use actix::Addr;
use tessera::bus::{BusError, Consumer, ConsumerOptions, Delivery, Group, Topic};
use tessera::config::KafkaArgs;
use tessera::telemetry::parts::FeedEnd;
use tessera::telemetry::{Health, Shutdown};
use tokio::sync::mpsc;

use super::job_assembler::{AssembleBatch, AssignmentChanged, JobAssembler};
use crate::memory::in_flight_bytes;

/// Records that are handed out at once.
const MAX_IN_FLIGHT: usize = 64;
/// Records of a batch at most.
const BATCH: usize = 32;
/// How often the assignment is looked at while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How `results` is read: as the member `name`, which is the same after a restart.
pub fn options(name: &str, memory_budget: u64) -> ConsumerOptions {
    ConsumerOptions {
        group: Group::Stitchers,
        topic: Topic::Results,
        static_member: Some(name.to_owned()),
        max_in_flight: MAX_IN_FLIGHT,
        max_in_flight_bytes: in_flight_bytes(memory_budget),
        client_id: name.to_owned(),
    }
}

/// Reads `results` until it is asked to stop.
#[derive(Debug)]
pub struct ResultFeed {
    consumer: Consumer,
    deliveries: mpsc::Receiver<Delivery>,
    assembler: Addr<JobAssembler>,
    health: Health,
    assignment: Vec<i32>,
}

impl ResultFeed {
    /// Joins the group as the [`options`] say.
    ///
    /// # Errors
    /// [`BusError`] if the settings make no client.
    pub fn start(
        kafka: &KafkaArgs,
        options: ConsumerOptions,
        assembler: Addr<JobAssembler>,
        health: Health,
    ) -> Result<Self, BusError> {
        let (consumer, deliveries) = Consumer::start(kafka, options)?;
        Ok(Self { consumer, deliveries, assembler, health, assignment: Vec::new() })
    }

    /// Feeds until `shutdown`, or until the assembler has gone. Gives the consumer back, still a member.
    pub async fn run(mut self, shutdown: Shutdown) -> (Consumer, FeedEnd) {
        let end = loop {
            let first = tokio::select! {
                () = shutdown.requested() => break FeedEnd::Asked,
                first = self.deliveries.recv() => first,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    self.look_at_assignment();
                    continue;
                }
            };
            let Some(first) = first else { break FeedEnd::Broken };
            self.look_at_assignment();
            let mut deliveries = vec![first];
            while deliveries.len() < BATCH
                && let Ok(next) = self.deliveries.try_recv()
            {
                deliveries.push(next);
            }
            let batch = AssembleBatch { deliveries, assignment: self.assignment.clone() };
            if self.assembler.send(batch).await.is_err() {
                break FeedEnd::Broken;
            }
        };
        (self.consumer, end)
    }

    fn look_at_assignment(&mut self) {
        let status = self.consumer.status();
        let ready = status.is_up().and_then(|()| match status.assignment.is_empty() {
            true => Err("no partitions are assigned yet".to_owned()),
            false => Ok(()),
        });
        self.health.set("results", ready);
        if status.assignment != self.assignment {
            self.assignment = status.assignment;
            self.assembler.do_send(AssignmentChanged(self.assignment.clone()));
        }
    }
}
