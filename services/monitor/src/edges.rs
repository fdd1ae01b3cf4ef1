//! The dependencies of a monitor, and what it says to them in more than one place.

use std::time::Duration;

use bytes::Bytes;
use tessera::bus::records::Check;
use tessera::bus::{BusError, Delivered, Outgoing, Producer, Topic};
use tessera::config::LimitArgs;
use tessera::job::{EndMarker, JobId, JobStatus, TraceContext};
use tessera::state::{JobView, State, StateError};
use tessera::store::Store;
use tessera::telemetry::Shutdown;
use tessera::time::now;

use crate::counts::Counts;
use crate::duty::Duty;

/// Redis, the store, Kafka, and the request to stop. Clones share them.
#[derive(Clone)]
pub struct Edges {
    /// Redis.
    pub state: State,
    /// The store.
    pub store: Store,
    /// Kafka, outwards.
    pub producer: Producer,
    /// Deadlines and how long results are kept.
    pub limits: LimitArgs,
    /// Whether this monitor is the active one.
    pub duty: Duty,
    /// What is counted.
    pub counts: Counts,
    /// The request to stop.
    pub shutdown: Shutdown,
}

impl Edges {
    /// How long results are kept.
    pub fn keep(&self) -> Duration {
        self.limits.keep_results()
    }

    /// Asks the stitcher of a job to look at its spool.
    ///
    /// # Errors
    /// [`BusError`] if the question did not reach Kafka.
    pub async fn check(&self, check: Check, trace: Option<TraceContext>) -> Result<Delivered, BusError> {
        let key = Some(check.job.to_string());
        let headers = check.encode();
        let record = Outgoing { topic: Topic::Results, key, partition: None, headers, payload: Bytes::new() };
        self.producer.send(record.traced(trace.as_ref())).await
    }

    /// Ends a job as failed: in Redis, then in the store, so that a later end is not overwritten.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer; asking again is harmless.
    pub async fn fail(&self, job: &JobView, reason: &str) -> Result<(), StateError> {
        self.fail_run(job.job, job.run, reason).await
    }

    /// Ends a job as failed of which Redis has something else than its hash.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer; asking again is harmless.
    pub async fn fail_damaged(&self, job: JobId) -> Result<(), StateError> {
        let run = self.store.manifest(job).await.ok().flatten().map_or(1, |manifest| manifest.run);
        let damage = StateError::Data("its hash is something else (WRONGTYPE)".to_owned());
        self.fail_run(job, run, &damage.as_reason()).await
    }

    async fn fail_run(&self, job: JobId, run: u32, reason: &str) -> Result<(), StateError> {
        tracing::warn!(%job, reason, "the job failed");
        if !self.state.fail(job, reason, self.keep()).await?.is_so() {
            return Ok(());
        }
        self.counts.gave_up();
        let end = EndMarker {
            job,
            run,
            status: JobStatus::Failed,
            reason: Some(reason.to_owned()),
            final_filename: None,
            bytes_out: 0,
            finished_at: now(),
        };
        if let Err(error) = self.store.put_end(&end).await {
            // The janitor writes it later.
            tracing::warn!(%job, %error, "could not write the end marker");
        }
        Ok(())
    }
}
