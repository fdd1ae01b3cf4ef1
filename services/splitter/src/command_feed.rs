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
use tessera::telemetry::parts;
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::splitter::Splitter;
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

/// Applies what arrives until the consumer ends.
pub async fn feed(splitter: &Arc<Splitter>, mut deliveries: mpsc::Receiver<Delivery>) {
    while let Some(delivery) = deliveries.recv().await {
        // After a panic the record comes again, a bounded number of times; the others are obeyed all the same.
        let _ = parts::caught("obeying of a command", take(splitter, delivery)).await;
    }
}

async fn take(splitter: &Arc<Splitter>, delivery: Delivery) {
    let spent = delivery.spent();
    let command = match parts::read_record(|| JobCommand::decode(&delivery.headers, &delivery.payload)) {
        Ok(Ok(command)) => command,
        Ok(Err(error)) => return bury(splitter, delivery, "undecodable", &error.to_string()).await,
        Err(panicked) => return bury(splitter, delivery, "panic", &panicked).await,
    };
    let span = tracing::info_span!(
        "command.obey",
        trace_id = trace_id(delivery.headers.trace().as_ref()),
        job = %command.job(),
        partition = delivery.partition,
        offset = delivery.offset,
    );
    let obeyed = async {
        match spent {
            Some(cause) => give_up(splitter, delivery, command.job(), "spent", &cause).await,
            None => obey(splitter, delivery, &command).await,
        }
    };
    obeyed.instrument(span).await;
}

/// Applies a command. While Redis or the store is down it waits; what is wrong with its job alone holds up no other.
async fn obey(splitter: &Arc<Splitter>, delivery: Delivery, command: &JobCommand) {
    let mut patience = Patience::default();
    let error = loop {
        match apply(splitter, command).await {
            Ok(()) => return delivery.ack.done(),
            Err(ApplyError::State(error @ StateError::Unavailable(_))) => {
                if !patience.wait_for("redis", &error, &splitter.shutdown).await {
                    return delivery.ack.put_off();
                }
            }
            Err(error) => break error,
        }
    };
    let job = command.job();
    match error {
        ApplyError::Store(error) if error.is_temporary() && !splitter.store.answers().await => {
            tracing::debug!(%error, %job, "the store is away; the command waits");
            delivery.ack.put_off();
        }
        ApplyError::Store(error) if error.is_temporary() => {
            tracing::warn!(%error, %job, attempt = delivery.attempt, "a command cannot be applied; it is tried again");
            delivery.ack.fail(error.to_string());
        }
        ApplyError::Store(error) => {
            let cause = format!("what the store has of this job is damaged: {error}; send the picture again");
            give_up(splitter, delivery, job, "damaged", &cause).await;
        }
        ApplyError::State(error) => give_up(splitter, delivery, job, "damaged", &error.as_reason()).await,
    }
}

/// Fails the job of a command that can never be applied, and dead-letters the command.
async fn give_up(splitter: &Splitter, delivery: Delivery, job: JobId, class: &str, cause: &str) {
    tracing::error!(%job, cause, "a command cannot be applied");
    if !verdict::fail(splitter, job, cause).await {
        return delivery.ack.put_off();
    }
    bury(splitter, delivery, class, cause).await;
}

async fn apply(splitter: &Arc<Splitter>, command: &JobCommand) -> Result<(), ApplyError> {
    match command {
        JobCommand::Accepted { job } => accept(splitter, *job).await?,
        JobCommand::Resend { job, stage, reason, inline } => {
            tracing::info!(%job, stage, reason, inline = inline.len(), "tiles are to be sent again");
            if !inline.is_empty() {
                let tiles = &inline[..inline.len().min(JobCommand::MAX_INLINE)];
                splitter.state.ask_inline(*job, *stage, tiles).await?;
            }
            splitter.state.make_ready(*job).await?;
        }
        JobCommand::NextStage { job } => splitter.state.make_ready(*job).await?,
        // Anyone may send this: a pass ends when its gate sees in Redis that the job has ended, and only then.
        JobCommand::Ended { job } => verdict::mark_end(splitter, *job).await,
    }
    splitter.doorbell.notify_one();
    Ok(())
}

/// Completes the queueing of a job, wherever its sender stopped.
async fn accept(splitter: &Splitter, job: JobId) -> Result<(), ApplyError> {
    match splitter.state.queue(job).await? {
        Transition::Made | Transition::AlreadySo | Transition::Refused { status: Some(_) } => return Ok(()),
        Transition::Refused { status: None } => {}
    }
    let manifest = splitter.store.manifest(job).await?;
    let has_original = splitter.store.size(&Object::Original(job)).await?.is_some();
    let (Some(manifest), true) = (manifest, has_original) else {
        tracing::info!(%job, "dropped: its upload was withdrawn, or the job is long gone");
        return Ok(());
    };
    if splitter.store.end(job).await?.is_some() {
        return Ok(());
    }
    splitter.state.accept(&manifest, ACCEPT_TTL).await?;
    let queued = splitter.state.queue(job).await?;
    tracing::info!(%job, ?queued, status = JobStatus::Queued.as_str(), "a job that redis did not know is queued");
    Ok(())
}

/// Dead-letters what is no command, and lets the partition move on.
async fn bury(splitter: &Splitter, delivery: Delivery, class: &str, cause: &str) {
    let (partition, offset) = (delivery.partition, delivery.offset);
    let Some(record) = dead_letter(&delivery, class, cause, &splitter.config.kafka) else {
        return delivery.ack.done();
    };
    let mut patience = Patience::default();
    loop {
        let problem = match splitter.producer.send(record.clone()).await {
            Ok(_) => break tracing::warn!(partition, offset, cause, "a command was dead-lettered"),
            Err(error @ BusError::TooLarge { .. }) => {
                break tracing::error!(partition, offset, cause, %error, "a command is dropped");
            }
            Err(problem) => problem,
        };
        if !patience.wait_for(problem.awaited(), &problem, &splitter.shutdown).await {
            return delivery.ack.put_off();
        }
    }
    delivery.ack.done();
}
