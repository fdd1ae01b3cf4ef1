//! The dependencies of a stitcher, and what it says to them in more than one place.

use std::time::Duration;

use bytes::Bytes;
use tessera::bus::records::JobCommand;
use tessera::bus::{BusError, Outgoing, Producer, Topic, dead_letter};
use tessera::config::KafkaArgs;
use tessera::ending::{self, EndError, JobVerdict};
use tessera::job::{JobId, TraceContext};
use tessera::state::{State, StateError};
use tessera::store::{Object, Store, StoreError};
use tessera::telemetry::Shutdown;

use crate::counters::StitcherCounters;
use crate::intake::Rubbish;
use crate::manifests::KnownJob;
use tessera::patience::{NoAnswer, insist};
use tokio::task::JoinError;
use tracing::Instrument;

/// Redis, the store, Kafka, and the request to stop. Clones share them.
#[derive(Clone)]
pub struct StitcherBackends {
    /// Redis.
    pub state: State,
    /// The store.
    pub store: Store,
    /// Kafka, outwards.
    pub producer: Producer,
    /// The names of topics.
    pub kafka: KafkaArgs,
    /// How long results are kept.
    pub keep: Duration,
    /// What is counted.
    pub counts: StitcherCounters,
    /// The request to stop.
    pub shutdown: Shutdown,
}

/// Why something could not be completed; what it was about comes again.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The process is stopping while a dependency is down.
    #[error("stopping")]
    Stopping,
    /// Redis answered with something that does not belong there.
    #[error(transparent)]
    State(StateError),
    /// The store cannot do it.
    #[error(transparent)]
    Store(StoreError),
    /// The code panicked; the log says where.
    #[error("{0} panicked; please report it")]
    Panicked(&'static str),
}

impl Trouble {
    /// Why a thread gave no answer: it panicked, or the process stops.
    pub fn of_thread(error: &JoinError) -> Self {
        if error.is_panic() { Self::Panicked("a thread") } else { Self::Stopping }
    }

    /// The reason of a job that fails because what is kept of it is damaged; `None`: it may go well another time.
    pub fn damage(&self) -> Option<String> {
        match self {
            Self::State(error @ StateError::Data(_)) => Some(error.as_reason()),
            Self::Store(error @ StoreError::Damaged { .. }) => {
                Some(format!("what the store has of this job is damaged: {error}; send the picture again"))
            }
            _ => None,
        }
    }
}

impl From<NoAnswer<StateError>> for Trouble {
    fn from(error: NoAnswer<StateError>) -> Self {
        match error {
            NoAnswer::Stopping => Self::Stopping,
            NoAnswer::Failed(error) => Self::State(error),
        }
    }
}

impl From<NoAnswer<StoreError>> for Trouble {
    fn from(error: NoAnswer<StoreError>) -> Self {
        match error {
            NoAnswer::Stopping => Self::Stopping,
            NoAnswer::Failed(error) => Self::Store(error),
        }
    }
}

impl From<NoAnswer<EndError>> for Trouble {
    fn from(error: NoAnswer<EndError>) -> Self {
        match error {
            NoAnswer::Stopping => Self::Stopping,
            NoAnswer::Failed(EndError::State(error)) => Self::State(error),
            NoAnswer::Failed(EndError::Store(error)) => Self::Store(error),
        }
    }
}

impl StitcherBackends {
    /// Sends a command about a job, once Kafka is there. The caller does not wait: if this process ends
    /// before, the sweeper of the monitor makes up for it.
    pub fn command(&self, command: JobCommand, trace: Option<TraceContext>) {
        let backends = self.clone();
        let send = async move {
            let (headers, payload) = command.encode();
            let key = Some(command.job().to_string());
            let record = Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload: Bytes::from(payload) };
            let record = record.traced(trace.as_ref());
            let sent = insist(&backends.shutdown, "sending a command", || backends.producer.send(record.clone())).await;
            if let Err(error) = sent {
                tracing::warn!(job = %command.job(), %error, "could not send a command");
            }
        };
        tokio::task::spawn_local(send.in_current_span());
    }

    /// Asks for the tiles of a stage that are not marked.
    pub fn resend(&self, known: &KnownJob, stage: u32, reason: impl Into<String>) {
        self.resend_inline(known, stage, reason, &[]);
    }

    /// As [`Self::resend`]; the pixels of the tiles `inline` are to come in records.
    pub fn resend_inline(&self, known: &KnownJob, stage: u32, reason: impl Into<String>, inline: &[u32]) {
        let job = known.manifest.job;
        self.counts.asked_again();
        let reason = reason.into();
        tracing::info!(%job, stage, reason, "asking for tiles again");
        let inline = inline.iter().copied().take(JobCommand::MAX_INLINE).collect();
        self.command(JobCommand::Resend { job, stage, reason, inline }, known.manifest.trace);
    }

    /// Removes a result that came too late, beside. One that may still be published is left: it goes with its job.
    pub fn remove_unless_published(&self, object: Object) {
        let backends = self.clone();
        tokio::task::spawn_local(async move {
            let job = object.job();
            let is_over = match backends.state.job(job).await {
                Ok(Some(view)) => view.status.is_terminal() && view.final_filename != Some(object.to_string()),
                Ok(None) => true,
                Err(_) => false,
            };
            if is_over && let Err(error) = backends.store.delete(&object).await {
                tracing::debug!(%job, %error, "a result that is not needed is left; it goes with its job");
            }
        });
    }

    /// Sends a record to the dead letters and acknowledges it when it is there; otherwise it comes again.
    pub fn bury(&self, rubbish: Rubbish) {
        self.counts.refused();
        let Rubbish { delivery, class, message } = rubbish;
        tracing::warn!(
            topic = delivery.topic.base_name(),
            partition = delivery.partition,
            offset = delivery.offset,
            class,
            message,
            "a record for the dead letters"
        );
        let Some(letter) = dead_letter(&delivery, class, &message, &self.kafka) else { return delivery.ack.done() };
        let producer = self.producer.clone();
        tokio::task::spawn_local(async move {
            match producer.send(letter).await {
                Ok(_) => delivery.ack.done(),
                Err(error @ BusError::TooLarge { .. }) => {
                    tracing::error!(%error, "a record is too large for the dead letters; it is dropped");
                    delivery.ack.done();
                }
                Err(error) => {
                    tracing::debug!(%error, "the dead letters are not there; the record is kept");
                    delivery.ack.put_off();
                }
            }
        });
    }

    /// Ends a job as failed.
    ///
    /// # Errors
    /// [`Trouble`]; asking again is harmless.
    pub async fn fail(&self, job: JobId, run: u32, reason: &str) -> Result<(), Trouble> {
        let verdict = JobVerdict::failed(job, Some(run), reason);
        let end = || ending::end(&self.state, &self.store, &verdict, self.keep);
        let outcome = insist(&self.shutdown, "failing a job", end).await?;
        tracing::warn!(%job, ?outcome, reason, "the job failed");
        Ok(())
    }
}
