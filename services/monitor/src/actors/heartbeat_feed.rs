//! `HeartbeatFeed`: reads `heartbeats` and hands them to the registry.
//!
//! Owns the consumer, and with it whether this monitor is the active one. Rubbish is counted and
//! dropped: there are no dead letters for signs of life.

use std::collections::HashMap;
use std::time::Duration;

use actix::Addr;
use tessera::bus::{Ack, BusError, Consumer, ConsumerOptions, Delivery, Group, Topic};
use tessera::config::KafkaArgs;
use tessera::heartbeat::Heartbeat;
use tessera::job::{Token, WorkerId};
use tessera::telemetry::parts::{FeedEnd, read_record};
use tessera::telemetry::{Health, Shutdown};
use tokio::sync::mpsc;

use super::worker_registry::{NoteBeats, WorkerRegistry};
use crate::counters::MonitorCounters;
use crate::duty::Duty;

const MAX_IN_FLIGHT: usize = 512;
const MAX_IN_FLIGHT_BYTES: usize = 4 << 20;
/// How often the assignment is looked at while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How `heartbeats` is read.
pub fn options(name: &str) -> ConsumerOptions {
    ConsumerOptions {
        group: Group::Monitor,
        topic: Topic::Heartbeats,
        static_member: None,
        max_in_flight: MAX_IN_FLIGHT,
        max_in_flight_bytes: MAX_IN_FLIGHT_BYTES,
        client_id: name.to_owned(),
    }
}

/// Reads `heartbeats` until it is asked to stop.
#[derive(Debug)]
pub struct HeartbeatFeed {
    consumer: Consumer,
    deliveries: mpsc::Receiver<Delivery>,
    registry: Addr<WorkerRegistry>,
    health: Health,
    duty: Duty,
    counts: MonitorCounters,
    rubbish: u64,
}

impl HeartbeatFeed {
    /// Joins the group of monitors as the [`options`] say.
    ///
    /// # Errors
    /// [`BusError`] if the settings make no client.
    pub fn start(
        kafka: &KafkaArgs,
        options: ConsumerOptions,
        registry: Addr<WorkerRegistry>,
        health: Health,
        duty: Duty,
        counts: MonitorCounters,
    ) -> Result<Self, BusError> {
        let (consumer, deliveries) = Consumer::start(kafka, options)?;
        Ok(Self { consumer, deliveries, registry, health, duty, counts, rubbish: 0 })
    }

    /// Feeds until `shutdown`, or until the registry has gone. Gives the consumer back, still a member.
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
            let (beats, acks) = self.read(first);
            if !beats.is_empty() && self.registry.send(NoteBeats(beats)).await.is_err() {
                break FeedEnd::Broken;
            }
            acks.into_iter().for_each(Ack::done);
        };
        self.duty.set(false);
        (self.consumer, end)
    }

    /// Reads all that waits; of several heartbeats of one start of a worker the last counts. Another start of that name
    /// may be an invention, and is Redis' to judge.
    fn read(&mut self, first: Delivery) -> (Vec<Heartbeat>, Vec<Ack>) {
        let (mut beats, mut acks) = (HashMap::<(WorkerId, Token), Heartbeat>::new(), Vec::new());
        let mut next = Some(first);
        while let Some(delivery) = next {
            match decode(&delivery) {
                Ok(mut beat) => {
                    let start = (beat.worker.clone(), beat.incarnation.clone());
                    if let Some(older) = beats.remove(&start) {
                        beat.follow(older);
                    }
                    beats.insert(start, beat);
                }
                Err(error) => {
                    self.rubbish += 1;
                    self.counts.refused(1);
                    tracing::warn!(offset = delivery.offset, %error, so_far = self.rubbish, "not a heartbeat; dropped");
                }
            }
            acks.push(delivery.ack);
            next = self.deliveries.try_recv().ok();
        }
        (beats.into_values().collect(), acks)
    }

    fn look_at_assignment(&self) {
        let status = self.consumer.status();
        self.duty.set(!status.assignment.is_empty());
        // A monitor that stands by is well, too.
        self.health.set("heartbeats", status.is_up());
    }
}

fn decode(delivery: &Delivery) -> Result<Heartbeat, String> {
    read_record(|| Heartbeat::decode(&delivery.headers, &delivery.payload))?.map_err(|error| error.to_string())
}
