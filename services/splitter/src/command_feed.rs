//! Applies the commands of `jobs` to Redis, at once, and acknowledges them.
//!
//! A command is a doorbell: what is to be done is in Redis and in the store. So a command that comes
//! twice, late or never changes nothing but the time.

use std::sync::Arc;
use std::time::Duration;

use tessera::bus::records::JobCommand;
use tessera::bus::{BusError, Delivery, dead_letter};
use tessera::job::{JobId, JobStatus};
use tessera::patience::Patience;
use tessera::state::{StateError, Transition};
use tessera::store::{Object, StoreError};
use tessera::telemetry::logs::trace_id;
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::desk::Desk;
use crate::verdict;

/// How long a job that Redis had forgotten may stay unannounced.
const ACCEPT_TTL: Duration = Duration::from_secs(600);

/// Why a command is not applied now.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApplyError {
    fn is_temporary(&self) -> bool {
        match self {
            Self::State(error) => matches!(error, StateError::Unavailable(_)),
            Self::Store(error) => error.is_temporary(),
        }
    }
}

/// Applies what arrives until the consumer ends.
pub async fn feed(desk: &Arc<Desk>, mut deliveries: mpsc::Receiver<Delivery>) {
    while let Some(delivery) = deliveries.recv().await {
        match JobCommand::decode(&delivery.headers, &delivery.payload) {
            Ok(command) => {
                let span = tracing::info_span!(
                    "command.obey",
                    trace_id = trace_id(delivery.headers.trace().as_ref()),
                    job = %command.job(),
                    partition = delivery.partition,
                    offset = delivery.offset,
                );
                obey(desk, delivery, &command).instrument(span).await;
            }
            Err(error) => bury(desk, delivery, &error.to_string()).await,
        }
    }
}

/// Applies a command, however long Redis or the store take to answer.
async fn obey(desk: &Arc<Desk>, delivery: Delivery, command: &JobCommand) {
    let mut patience = Patience::default();
    loop {
        match apply(desk, command).await {
            Ok(()) => break,
            Err(error) if error.is_temporary() => {
                tracing::debug!(%error, job = %command.job(), "waiting to apply a command");
                if !patience.pause(&desk.shutdown).await {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(%error, job = %command.job(), "a command cannot be applied");
                return bury(desk, delivery, &error.to_string()).await;
            }
        }
    }
    delivery.ack.done();
}

async fn apply(desk: &Arc<Desk>, command: &JobCommand) -> Result<(), ApplyError> {
    match command {
        JobCommand::Accepted { job } => accept(desk, *job).await?,
        JobCommand::Resend { job, stage, reason } => {
            tracing::info!(%job, stage, reason, "tiles are to be sent again");
            desk.state.make_ready(*job).await?;
        }
        JobCommand::NextStage { job } => desk.state.make_ready(*job).await?,
        // Said by whoever likes: a pass ends when its gate sees in Redis that the job has ended, and only then.
        JobCommand::Ended { job } => verdict::mark_end(desk, *job).await,
    }
    desk.doorbell.notify_one();
    Ok(())
}

/// Completes the queueing of a job, wherever its sender stopped.
async fn accept(desk: &Desk, job: JobId) -> Result<(), ApplyError> {
    match desk.state.queue(job).await? {
        Transition::Made | Transition::AlreadySo | Transition::Refused { status: Some(_) } => return Ok(()),
        Transition::Refused { status: None } => {}
    }
    let manifest = desk.store.manifest(job).await?;
    let has_original = desk.store.size(&Object::Original(job)).await?.is_some();
    let (Some(manifest), true) = (manifest, has_original) else {
        tracing::info!(%job, "dropped: its upload was withdrawn, or the job is long gone");
        return Ok(());
    };
    if desk.store.end(job).await?.is_some() {
        return Ok(());
    }
    desk.state.accept(&manifest, ACCEPT_TTL).await?;
    let queued = desk.state.queue(job).await?;
    tracing::info!(%job, ?queued, status = JobStatus::Queued.as_str(), "a job that redis did not know is queued");
    Ok(())
}

/// Dead-letters what is no command, and lets the partition move on.
async fn bury(desk: &Desk, delivery: Delivery, cause: &str) {
    let (partition, offset) = (delivery.partition, delivery.offset);
    let Some(record) = dead_letter(&delivery, "undecodable", cause, &desk.config.kafka) else {
        return delivery.ack.done();
    };
    let mut patience = Patience::default();
    loop {
        match desk.producer.send(record.clone()).await {
            Ok(_) => break tracing::warn!(partition, offset, cause, "a command was dead-lettered"),
            Err(error @ BusError::TooLarge { .. }) => {
                break tracing::error!(partition, offset, cause, %error, "a command is dropped");
            }
            Err(error) => tracing::debug!(%error, "waiting for kafka"),
        }
        if !patience.pause(&desk.shutdown).await {
            return;
        }
    }
    delivery.ack.done();
}
