//! The dependencies of a monitor, and what it says to them in more than one place.

use std::time::Duration;

use bytes::Bytes;
use tessera::bus::records::Check;
use tessera::bus::{BusError, Delivered, Outgoing, Producer, Topic};
use tessera::config::LimitArgs;
use tessera::ending::{self, EndError, JobVerdict};
use tessera::job::{JobId, TraceContext};
use tessera::state::{JobView, State, StateError};
use tessera::store::Store;
use tessera::telemetry::Shutdown;

use crate::counters::MonitorCounters;
use crate::duty::Duty;

/// Redis, the store, Kafka, and the request to stop. Clones share them.
#[derive(Clone)]
pub struct MonitorBackends {
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
    pub counts: MonitorCounters,
    /// The request to stop.
    pub shutdown: Shutdown,
}

impl MonitorBackends {
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

    /// Ends a job as failed.
    ///
    /// # Errors
    /// [`EndError`] if Redis gives no answer; asking again is harmless.
    pub async fn fail(&self, job: &JobView, reason: &str) -> Result<(), EndError> {
        self.fail_run(job.job, job.run, reason).await
    }

    /// Ends a job as failed of which Redis has something else than its hash.
    ///
    /// # Errors
    /// [`EndError`] if Redis gives no answer; asking again is harmless.
    pub async fn fail_damaged(&self, job: JobId) -> Result<(), EndError> {
        let run = self.store.manifest(job).await.ok().flatten().map_or(1, |manifest| manifest.run);
        let damage = StateError::Data("its hash is something else (WRONGTYPE)".to_owned());
        self.fail_run(job, run, &damage.as_reason()).await
    }

    async fn fail_run(&self, job: JobId, run: u32, reason: &str) -> Result<(), EndError> {
        let verdict = JobVerdict::failed(job, Some(run), reason);
        let outcome = ending::end(&self.state, &self.store, &verdict, self.keep()).await?;
        tracing::warn!(%job, ?outcome, reason, "the job failed");
        if outcome.is_so() {
            self.counts.gave_up();
        }
        Ok(())
    }
}
