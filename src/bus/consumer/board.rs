//! What a consumer shows of itself to other threads.
//!
//! Owns the status. Must never make the polling thread wait for its readers.

use parking_lot::Mutex;
use rdkafka::error::KafkaError;

use crate::bus::{Topic, counters};

/// How a consumer is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// Whether Kafka answered last time.
    pub is_connected: bool,
    /// The partitions owned now.
    pub assignment: Vec<i32>,
    /// Records handed out since the start, repetitions included.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Records handed out again after a retry.
    pub repeated: u64,
    /// Times the client was replaced because it stood still or was broken.
    pub restarts: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

impl ConsumerStatus {
    /// Whether Kafka answered last time, for a health page.
    ///
    /// # Errors
    /// What went wrong last.
    pub fn is_up(&self) -> Result<(), String> {
        match self.is_connected {
            true => Ok(()),
            false => Err(self.last_error.clone().unwrap_or_else(|| "not connected yet".to_owned())),
        }
    }
}

#[derive(Debug)]
pub(super) struct Board {
    topic: Topic,
    shown: Mutex<ConsumerStatus>,
}

impl Board {
    pub(super) fn new(topic: Topic) -> Self {
        Self { topic, shown: Mutex::default() }
    }

    pub(super) fn status(&self) -> ConsumerStatus {
        self.shown.lock().clone()
    }

    pub(super) fn set_assignment(&self, assignment: Vec<i32>) {
        counters::assigned(self.topic, assignment.len());
        self.shown.lock().assignment = assignment;
    }

    pub(super) fn handed_out(&self, bytes: usize, attempt: u32) {
        counters::handed_out(self.topic, bytes, attempt);
        let mut status = self.shown.lock();
        status.records += 1;
        status.bytes += bytes as u64;
        status.repeated += u64::from(attempt > 1);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.shown.lock().is_connected
    }

    pub(super) fn connected(&self) {
        let before = std::mem::replace(&mut self.shown.lock().is_connected, true);
        if !before {
            tracing::info!("Kafka answers");
        }
    }

    pub(super) fn disconnected(&self, error: &KafkaError) {
        self.failed(error);
        let before = std::mem::replace(&mut self.shown.lock().is_connected, false);
        if before {
            tracing::warn!(%error, "Kafka does not answer; waiting for it");
        }
    }

    pub(super) fn failed(&self, error: &dyn std::fmt::Display) {
        self.shown.lock().last_error = Some(error.to_string());
    }

    pub(super) fn restarted(&self) {
        counters::rebuilt(self.topic);
        self.shown.lock().restarts += 1;
    }
}
