//! Making the end of a stage known: to the store, to Redis, to the splitters, and only then to Kafka.
//!
//! Owns that order. The loser of the race to end a job removes its own file and nothing else.

use tessera::bus::Ack;
use tessera::bus::records::JobCommand;
use tessera::ending::agree;
use tessera::job::{EndMarker, JobId, JobStatus, Token, TraceContext};
use tessera::state::{Given, Transition};
use tessera::store::{Object, StoreError, Written};
use tessera::time::now;

use super::Assembler;
use crate::assembly::Assembly;
use crate::backends::{StitcherBackends, Trouble};
use crate::counters::StageOutcome;
use crate::encoding::product::StageProduct;
use tessera::patience::insist;

/// A stage whose product is written.
#[derive(Debug)]
pub struct StageEnd {
    id: u64,
    job: JobId,
    run: u32,
    stage: u32,
    stages: usize,
    /// A worker made the result: other stitchers may be about to publish the same file.
    is_whole: bool,
    token: Token,
    product: StageProduct,
    trace: Option<TraceContext>,
    stitch_ms: u64,
    encode_ms: u64,
}

/// What became of making it known.
#[derive(Debug)]
pub struct StageEnded {
    id: u64,
    job: JobId,
    outcome: EndAttempt,
}

#[derive(Debug)]
enum EndAttempt {
    Ended,
    /// The claim was lost, the job has ended otherwise, or tiles were taken out.
    Lost,
    /// It will never work.
    Failed(String),
    /// Not now: the held records come again.
    Later(Trouble),
}

impl EndAttempt {
    fn kind(&self) -> StageOutcome {
        match self {
            Self::Ended => StageOutcome::Ended,
            Self::Lost => StageOutcome::Lost,
            Self::Failed(_) => StageOutcome::Failed,
            Self::Later(_) => StageOutcome::Later,
        }
    }
}

impl StageEnd {
    pub(super) fn of(assembly: &Assembly, product: StageProduct) -> Self {
        Self {
            id: assembly.id,
            job: assembly.job(),
            run: assembly.run,
            stage: assembly.number,
            stages: assembly.known.manifest.plan.stages.len(),
            is_whole: assembly.is_whole(),
            token: assembly.token.clone(),
            product,
            trace: assembly.known.manifest.trace,
            stitch_ms: u64::try_from(assembly.stitching.as_millis()).unwrap_or(u64::MAX),
            encode_ms: assembly.encode_ms,
        }
    }

    fn is_last(&self) -> bool {
        self.stage as usize + 1 == self.stages
    }
}

impl StageEnded {
    /// The end of a stage whose making known panicked.
    pub(super) fn panicked(id: u64, job: JobId) -> Self {
        Self { id, job, outcome: EndAttempt::Later(Trouble::Panicked("making the end of a stage known")) }
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }
}

/// Makes the end of a stage known.
pub(super) async fn end(backends: &StitcherBackends, end: StageEnd) -> StageEnded {
    let (id, job) = (end.id, end.job);
    let input = if end.stages > 1 { rows_of(backends, job).await } else { None };
    // Only for show: without it the stage ends all the same.
    let _ =
        backends.state.add_times(job, Some(end.stage), &[("stitch", end.stitch_ms), ("encode", end.encode_ms)]).await;
    let made = match &end.product {
        StageProduct::Stored { object, written } if end.is_last() => finish_job(backends, &end, object, *written).await,
        StageProduct::Stored { object, .. } => next_stage(backends, &end, Given::Rows(object.to_string())).await,
        StageProduct::Numbers(numbers) => next_stage(backends, &end, Given::Numbers(numbers.clone())).await,
    };
    let outcome = match made {
        Ok(true) => {
            if let StageProduct::Stored { object, .. } = &end.product {
                remove_rows(backends, input, object).await;
            }
            EndAttempt::Ended
        }
        Ok(false) => EndAttempt::Lost,
        Err(Trouble::Store(StoreError::Full { .. })) => EndAttempt::Failed("the store is full".to_owned()),
        Err(trouble) => EndAttempt::Later(trouble),
    };
    StageEnded { id, job, outcome }
}

/// Writes the end marker, then publishes the result's name; says whether this attempt made the end.
async fn finish_job(
    backends: &StitcherBackends,
    end: &StageEnd,
    object: &Object,
    written: Written,
) -> Result<bool, Trouble> {
    let marker = EndMarker {
        job: end.job,
        run: end.run,
        status: JobStatus::Done,
        reason: None,
        final_filename: Some(object.to_string()),
        bytes_out: written.bytes,
        digest: written.digest,
        notices: Vec::new(),
        finished_at: now(),
    };
    let view = insist(&backends.shutdown, "reading a job", || backends.state.job(end.job)).await?;
    let marker = marker.noting(&view.map(|view| view.notices).unwrap_or_default());
    insist(&backends.shutdown, "writing the end marker", || backends.store.put_end(&marker)).await?;
    let ask = || backends.state.done(end.job, &end.token, &marker, backends.keep);
    let made = insist(&backends.shutdown, "ending a job", ask).await?;
    match made {
        Transition::Made => tracing::info!(job = %end.job, bytes = written.bytes, "the job is done"),
        Transition::AlreadySo => {}
        Transition::Refused { status } => {
            tracing::info!(job = %end.job, ?status, "the job was not this attempt's to end");
            let view = insist(&backends.shutdown, "reading a job", || backends.state.job(end.job)).await?;
            let may_be_published = end.is_whole && view.as_ref().is_some_and(|view| !view.status.is_terminal());
            let is_published =
                view.as_ref().and_then(|view| view.final_filename.as_ref()) == marker.final_filename.as_ref();
            if !is_published && !may_be_published {
                insist(&backends.shutdown, "removing a result", || backends.store.delete(object)).await?;
            }
        }
    }
    // Another may have ended the job meanwhile, and have left its marker.
    let agreed = || agree(&backends.state, &backends.store, end.job, Some(&marker));
    insist(&backends.shutdown, "looking at the end marker", agreed).await?;
    Ok(made.is_so())
}

/// Moves the job on to its next stage; says whether it is there.
async fn next_stage(backends: &StitcherBackends, end: &StageEnd, given: Given) -> Result<bool, Trouble> {
    let ask = || backends.state.next_stage(end.job, end.stage, &end.token, &given);
    let made = insist(&backends.shutdown, "moving a job on", ask).await?;
    if made.is_so() {
        backends.command(JobCommand::NextStage { job: end.job }, end.trace);
    } else if let StageProduct::Stored { object, .. } = &end.product {
        insist(&backends.shutdown, "removing rows", || backends.store.delete(object)).await?;
    }
    Ok(made.is_so())
}

/// The rows that the ended stage was read from.
async fn rows_of(backends: &StitcherBackends, job: JobId) -> Option<Object> {
    let view = backends.state.job(job).await.ok().flatten()?;
    view.rows?.parse().ok()
}

/// Removes the rows that are no longer needed; what remains goes with the job's files.
async fn remove_rows(backends: &StitcherBackends, input: Option<Object>, product: &Object) {
    let Some(input) = input.filter(|input| input != product) else { return };
    if let Err(error) = backends.store.delete(&input).await {
        tracing::debug!(object = %input, %error, "could not remove rows");
    }
}

impl Assembler {
    pub(super) async fn ended(&mut self, ended: StageEnded) -> Result<(), Trouble> {
        let StageEnded { id, job, outcome } = ended;
        if self.assemblies.get(&job).is_none_or(|assembly| assembly.id != id) {
            return Ok(());
        }
        self.backends.counts.stage_ended(outcome.kind());
        match outcome {
            EndAttempt::Ended => {
                if let Some(mut assembly) = self.drop_assembly(job) {
                    self.remove_losers(std::mem::take(&mut assembly.losers));
                    self.remove_tiles(&assembly);
                    assembly.held.into_iter().for_each(Ack::done);
                }
            }
            // Its held records come again: if the job has ended they are dropped then, or else claimed again.
            EndAttempt::Lost => drop(self.drop_assembly(job)),
            EndAttempt::Failed(reason) => self.fail(job, &reason).await?,
            EndAttempt::Later(trouble) => {
                tracing::warn!(%job, error = %trouble, "could not make a stage's end known");
                self.spoiled(job, trouble).await?;
            }
        }
        Ok(())
    }
}
