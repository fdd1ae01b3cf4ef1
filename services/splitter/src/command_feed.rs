//! Applies the commands of `jobs` to Redis, at once, and acknowledges them.
//!
//! A command is a doorbell: what is to be done is in Redis and in the store. So a command that comes
//! twice, late or never changes nothing but the time.

use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// Applies what arrives until the consumer ends.
pub async fn feed(desk: &Arc<Desk>, mut deliveries: mpsc::Receiver<Delivery>) {
    while let Some(delivery) = deliveries.recv().await {
        // After a panic the record comes again, a bounded number of times; the others are obeyed all the same.
        let _ = parts::caught("obeying of a command", take(desk, delivery)).await;
    }
}

async fn take(desk: &Arc<Desk>, delivery: Delivery) {
    let spent = delivery.spent();
    let read = || JobCommand::decode(&delivery.headers, &delivery.payload);
    let command = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(command)) => command,
        Ok(Err(error)) => return bury(desk, delivery, "undecodable", &error.to_string()).await,
        Err(panic) => {
            let cause = format!("reading the record panicked: {}", parts::text_of(panic.as_ref()));
            return bury(desk, delivery, "panic", &cause).await;
        }
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
            Some(cause) => give_up(desk, delivery, command.job(), "spent", &cause).await,
            None => obey(desk, delivery, &command).await,
        }
    };
    obeyed.instrument(span).await;
}

/// Applies a command. While Redis or the store is down it waits; what is wrong with its job alone holds nobody up.
async fn obey(desk: &Arc<Desk>, delivery: Delivery, command: &JobCommand) {
    let mut patience = Patience::default();
    let error = loop {
        match apply(desk, command).await {
            Ok(()) => return delivery.ack.done(),
            Err(ApplyError::State(error @ StateError::Unavailable(_))) => {
                if !patience.wait_for("redis", &error, &desk.shutdown).await {
                    return delivery.ack.put_off();
                }
            }
            Err(error) => break error,
        }
    };
    let job = command.job();
    match error {
        ApplyError::Store(error) if error.is_temporary() && !desk.store.answers().await => {
            tracing::debug!(%error, %job, "the store is away; the command waits");
            delivery.ack.put_off();
        }
        ApplyError::Store(error) if error.is_temporary() => {
            tracing::warn!(%error, %job, attempt = delivery.attempt, "a command cannot be applied; it is tried again");
            delivery.ack.fail(error.to_string());
        }
        ApplyError::Store(error) => {
            let cause = format!("what the store has of this job is damaged: {error}; send the picture again");
            give_up(desk, delivery, job, "damaged", &cause).await;
        }
        ApplyError::State(error) => give_up(desk, delivery, job, "damaged", &error.as_reason()).await,
    }
}

/// Fails the job of a command that can never be applied, and dead-letters the command.
async fn give_up(desk: &Desk, delivery: Delivery, job: JobId, class: &str, cause: &str) {
    tracing::error!(%job, cause, "a command cannot be applied");
    if !verdict::fail(desk, job, cause).await {
        return delivery.ack.put_off();
    }
    bury(desk, delivery, class, cause).await;
}

async fn apply(desk: &Arc<Desk>, command: &JobCommand) -> Result<(), ApplyError> {
    match command {
        JobCommand::Accepted { job } => accept(desk, *job).await?,
        JobCommand::Resend { job, stage, reason, inline } => {
            tracing::info!(%job, stage, reason, inline = inline.len(), "tiles are to be sent again");
            if !inline.is_empty() {
                let tiles = &inline[..inline.len().min(JobCommand::MAX_INLINE)];
                desk.state.ask_inline(*job, *stage, tiles).await?;
            }
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
async fn bury(desk: &Desk, delivery: Delivery, class: &str, cause: &str) {
    let (partition, offset) = (delivery.partition, delivery.offset);
    let Some(record) = dead_letter(&delivery, class, cause, &desk.config.kafka) else {
        return delivery.ack.done();
    };
    let mut patience = Patience::default();
    loop {
        let problem = match desk.producer.send(record.clone()).await {
            Ok(_) => break tracing::warn!(partition, offset, cause, "a command was dead-lettered"),
            Err(error @ BusError::TooLarge { .. }) => {
                break tracing::error!(partition, offset, cause, %error, "a command is dropped");
            }
            Err(problem) => problem,
        };
        if !patience.wait_for(problem.awaited(), &problem, &desk.shutdown).await {
            return delivery.ack.put_off();
        }
    }
    delivery.ack.done();
}
