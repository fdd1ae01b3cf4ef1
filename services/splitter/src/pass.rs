//! One pass: reading a job's picture once for one stage, under a lease.
//!
//! Owns the pass from the granted lease to its release. A store, Kafka or Redis that is down holds it
//! up, or ends it without being counted.

use std::sync::Arc;
use std::time::Duration;

use tessera::budget::Share;
use tessera::input::{Fault, Input, InputError};
use tessera::job::{Grain, JobId, Token, TraceContext};
use tessera::patience::answered;
use tessera::plan::Numbers;
use tessera::state::{JobView, Release, WindowView};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::cutter::{Cut, Cutting, CuttingWork};
use crate::gate::{Gate, Stop};
use crate::grant::Grant;
use crate::memory::sending_bytes;
use crate::pass_outcome::{PassOutcome, look};
use crate::pyramid::OriginalPyramid;
use crate::sender::{Sent, send_all};
use crate::slots::PassSlots;
use crate::splitter::{Pass, Splitter};
use crate::{verdict, whole};

/// Tiles that are cut ahead of being sent.
const CUT_AHEAD: usize = 2;
/// Between two looks at whether a pass that waits for memory still goes on.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it should, or for good.
    Well,
    /// The store could not be read: the job is better left alone for a while.
    Unreadable,
}

/// Runs a pass to its end.
pub async fn run(splitter: Arc<Splitter>, grant: Grant) -> Ended {
    let job = grant.manifest.job;
    let (outcome, out) = match grant.manifest.grain() {
        Grain::Tiles => (read(&splitter, &grant).await, None),
        Grain::Whole => whole::send(&splitter, &grant).await,
    };
    splitter.counts.pass_ended(outcome.end());
    let (release, ended) = match outcome {
        PassOutcome::Complete { tiles } => {
            tracing::info!(%job, stage = grant.stage, attempt = grant.attempt, tiles, "the picture is on its way");
            (Release::PassComplete, Ended::Well)
        }
        PassOutcome::Stopped(Stop::Lost) => return Ended::Well,
        PassOutcome::Stopped(Stop::Drained) => (Release::Drained, Ended::Well),
        PassOutcome::Stopped(stop) => {
            tracing::info!(%job, stage = grant.stage, ?stop, "the pass ends early");
            if stop == Stop::Ended {
                remove_slots(&splitter, &grant).await;
            }
            (Release::PassComplete, Ended::Well)
        }
        PassOutcome::Damaged(reason) => {
            let taken = verdict::fail(&splitter, job, &reason).await;
            (if taken { Release::PassComplete } else { Release::Drained }, Ended::Well)
        }
        PassOutcome::Misread(reason) => {
            let taken = verdict::begin_anew(&splitter, &grant, &reason).await;
            (if taken { Release::PassComplete } else { Release::Drained }, Ended::Well)
        }
        PassOutcome::InTiles(why) => {
            let taken = whole::in_tiles(&splitter, &grant, &why).await;
            (if taken { Release::PassComplete } else { Release::Drained }, Ended::Well)
        }
        PassOutcome::Unreadable(problem) => {
            tracing::warn!(%job, problem, "the store cannot be read; the job waits");
            (Release::Drained, Ended::Unreadable)
        }
    };
    give_back(&splitter, job, &grant.lease, release).await;
    if let Some(out) = out {
        out.until_back().await;
    }
    ended
}

async fn read(splitter: &Arc<Splitter>, grant: &Grant) -> PassOutcome {
    let (job, stage) = (grant.manifest.job, grant.stage);
    let view = match look(splitter, grant).await {
        Ok(view) => view,
        Err(outcome) => return outcome,
    };
    let resent = if view.received() > 0 { 2 } else { 1 };
    let (rows, numbers) = match given(splitter, grant).await {
        Ok(given) => given,
        Err(outcome) => return outcome,
    };
    let input = match Input::open(&splitter.store, &grant.manifest, stage, rows.as_deref()).await {
        Ok(input) => input.within(splitter.config.limits.max_decode_bytes),
        Err(InputError::Gone(reason)) => return PassOutcome::Damaged(reason),
        Err(InputError::NoRows(reason)) => return PassOutcome::Misread(reason),
        Err(error @ InputError::Io(_)) => return PassOutcome::Unreadable(error.to_string()),
        Err(InputError::Store(error)) => return PassOutcome::Unreadable(error.to_string()),
    };
    let cutting = match Cutting::new(&grant.manifest, grant.run, stage, grant.attempt.max(resent), &numbers) {
        Ok(cutting) => cutting.with_pyramid(OriginalPyramid::begin(splitter, &grant.manifest, stage).await),
        Err(error) => return PassOutcome::Damaged(format!("reading stage {stage}: {error}")),
    };
    let (cutting, view) = match with_slots(splitter, cutting, view).await {
        Ok(ready) => ready,
        Err(outcome) => return outcome,
    };
    let gate = Arc::new(Gate::new(stage, grant.run, view, splitter.ceiling.clone()));
    let pass = Pass { stage, lease: Some(grant.lease.clone()), gate: gate.clone() };
    let _open = splitter.open(job, pass);
    if splitter.shutdown.is_requested() {
        gate.stop(Stop::Drained);
    }
    gate.set_in_line(true);
    let memory = reserve_decode(splitter, &input, &gate).await;
    gate.set_in_line(false);
    match memory {
        Ok(_memory) => cut_and_send(splitter, cutting, input, gate, grant.manifest.trace).await,
        Err(stop) => PassOutcome::Stopped(stop),
    }
}

/// Makes the slots of the stage, if it has any.
async fn with_slots(
    splitter: &Arc<Splitter>,
    cutting: Cutting,
    view: WindowView,
) -> Result<(Cutting, WindowView), PassOutcome> {
    let (job, stage) = (cutting.job(), cutting.stage());
    let ask = async || {
        splitter.crew().await?;
        splitter.state.inline_tiles(job, stage).await
    };
    let inline = match answered(&splitter.shutdown, ask).await {
        Some(Ok(inline)) => inline,
        Some(Err(error)) => return Err(PassOutcome::Damaged(error.as_reason())),
        None => return Err(PassOutcome::Stopped(Stop::Drained)),
    };
    let (sharing, store) = (splitter.sharing.clone(), splitter.store.clone());
    let make = move || {
        let slots = PassSlots::open(&sharing, &store, cutting.of(), &view, inline);
        (cutting.with_slots(slots), view)
    };
    tokio::task::spawn_blocking(make).await.map_err(|_| PassOutcome::Stopped(Stop::Drained))
}

/// Removes the slots of a stage that was over before they were made, or while they were.
async fn remove_slots(splitter: &Splitter, grant: &Grant) {
    let job = grant.manifest.job;
    let Ok(view) = splitter.state.job(job).await else { return };
    let is_over = |view: &JobView| view.status.is_terminal() || (view.run, view.stage) > (grant.run, grant.stage);
    if view.as_ref().is_none_or(is_over)
        && let Err(error) = splitter.store.remove_slots(job, grant.run, grant.stage).await
    {
        tracing::debug!(%job, %error, "slots of an ended job are left to the monitor");
    }
}

/// What earlier stages gave: the name of the last rows, and numbers.
async fn given(splitter: &Splitter, grant: &Grant) -> Result<(Option<String>, Numbers), PassOutcome> {
    if grant.stage == 0 {
        return Ok((None, Numbers::new()));
    }
    let job = grant.manifest.job;
    match answered(&splitter.shutdown, async || splitter.state.job(job).await).await {
        Some(Ok(Some(view))) if view.stage == grant.stage => Ok((view.rows, view.numbers)),
        Some(Ok(_)) => Err(PassOutcome::Stopped(Stop::Ended)),
        Some(Err(error)) => Err(PassOutcome::Damaged(error.as_reason())),
        None => Err(PassOutcome::Stopped(Stop::Drained)),
    }
}

/// Waits for the memory of a picture that must be decoded whole, as long as the pass goes on.
async fn reserve_decode(splitter: &Splitter, input: &Input, gate: &Gate) -> Result<Share, Stop> {
    let mut share = std::pin::pin!(splitter.memory.decodes.reserve(input.whole_bytes()));
    loop {
        tokio::select! {
            share = &mut share => return Ok(share),
            () = tokio::time::sleep(LOOK_EVERY) => if let Some(stop) = gate.stopped() { return Err(stop) },
        }
    }
}

async fn cut_and_send(
    splitter: &Splitter,
    cutting: Cutting,
    input: Input,
    gate: Arc<Gate>,
    trace: Option<TraceContext>,
) -> PassOutcome {
    let (job, stage, of_stage) = (cutting.job(), cutting.stage(), cutting.tiles());
    let _open = StopOnDrop(gate.clone());
    let fault = input.fault();
    let (tiles, cut_tiles) = mpsc::channel(CUT_AHEAD);
    let work = CuttingWork { cutting, input, gate: gate.clone(), tiles };
    let cutter = tokio::task::spawn_blocking(move || work.run());
    let cut = async {
        // A panic outside the decoder, which catches its own, or a process that stops.
        let (cut, split) = cutter.await.unwrap_or_else(|error| (not_cut(&error), Duration::ZERO));
        note_split(splitter, job, stage, split).await;
        cut
    };
    let most_bytes = sending_bytes(&splitter.producer, splitter.config.passes.splitter_passes);
    let send = send_all(splitter, (most_bytes, of_stage), cut_tiles, &gate, trace);
    let (sent, cut) = tokio::join!(send, cut);
    outcome(sent, cut, &gate, &fault)
}

/// A thread that gave no answer: it panicked, which the next would too, or it never ran.
fn not_cut(error: &JoinError) -> Cut {
    if error.is_panic() {
        return Cut::Damaged("reading the picture: the reader panicked; please report it".to_owned());
    }
    Cut::Stopped(Stop::Drained)
}

/// Ends a pass whose sending ends in a panic: its thread must not wait at the gate for ever.
struct StopOnDrop(Arc<Gate>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop(Stop::Lost);
    }
}

/// Adds what reading and cutting took to the job's times. Only for show: the pass goes on without it.
async fn note_split(splitter: &Splitter, job: JobId, stage: u32, split: Duration) {
    let split_ms = u64::try_from(split.as_millis()).unwrap_or(u64::MAX);
    if let Err(error) = splitter.state.add_times(job, Some(stage), &[("split", split_ms)]).await {
        tracing::debug!(%job, %error, "noting how long reading took");
    }
}

fn outcome(sent: Sent, cut: Cut, gate: &Gate, fault: &Fault) -> PassOutcome {
    match (sent, cut) {
        (Sent::Never(reason), _) => PassOutcome::Damaged(reason),
        (Sent::All { tiles }, Cut::Complete) => PassOutcome::Complete { tiles },
        (_, Cut::Stopped(stop)) => PassOutcome::Stopped(stop),
        (Sent::Stopped, Cut::Complete) => PassOutcome::Stopped(gate.stopped().unwrap_or(Stop::Drained)),
        (_, Cut::Damaged(reason)) => fault.text().map_or(PassOutcome::Damaged(reason), PassOutcome::Unreadable),
        (_, Cut::Misread(reason)) => fault.text().map_or(PassOutcome::Misread(reason), PassOutcome::Unreadable),
    }
}

async fn give_back(splitter: &Splitter, job: JobId, lease: &Token, why: Release) {
    let release = async || splitter.state.release(job, lease, why).await;
    match answered(&splitter.shutdown, release).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::warn!(%job, %error, "giving the lease back"),
        None => tracing::warn!(%job, "the lease runs out by itself, redis does not answer"),
    }
}
