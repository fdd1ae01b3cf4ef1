//! Jobs that one worker runs whole: one task for the picture, which the worker reads itself.
//!
//! Owns the task, that it goes to the worker with the least in hand, and that a job which cannot be run so is started over
//! in tiles. Reads no picture.

use std::sync::Arc;

use bytes::Bytes;
use tessera::bus::records::{PayloadKind, SlotTask, Task};
use tessera::bus::{Outgoing, Topic};
use tessera::job::{JobId, Manifest};
use tessera::patience::{NoAnswer, answered, insist};
use tessera::state::StateError;
use tessera::store::StoreError;

use crate::gate::{Clearance, Gate, Stop};
use crate::grant::Grant;
use crate::pass_outcome::{PassOutcome, look};
use crate::sender::{Sent, send_one};
use crate::splitter::{Pass, Splitter};
use crate::verdict;

/// A whole picture that is out. Dropped, it is out no longer.
pub struct WholeOut {
    splitter: Arc<Splitter>,
    job: JobId,
    gate: Arc<Gate>,
}

impl Drop for WholeOut {
    fn drop(&mut self) {
        self.splitter.whole_places.lock().back(self.job);
        self.splitter.doorbell.notify_one();
    }
}

impl WholeOut {
    /// Waits until the result is there, the job is no longer at it, or another pass is asked for. The lease is not needed for
    /// that: what is lost on the way is found by the monitor, as with tiles.
    pub async fn until_back(self) {
        let pass = Pass { stage: 0, lease: None, gate: self.gate.clone() };
        let _open = self.splitter.open(self.job, pass);
        self.gate.all_sent();
        loop {
            let news = self.gate.news();
            if self.gate.has(0) || self.gate.stopped().is_some() {
                return;
            }
            news.await;
        }
    }
}

/// Sends the task of a whole picture, once Kafka has it.
pub async fn send(splitter: &Arc<Splitter>, grant: &Grant) -> (PassOutcome, Option<WholeOut>) {
    match try_send(splitter, grant).await {
        Ok((outcome, out)) => (outcome, out),
        Err(outcome) => (outcome, None),
    }
}

async fn try_send(splitter: &Arc<Splitter>, grant: &Grant) -> Result<(PassOutcome, Option<WholeOut>), PassOutcome> {
    let job = grant.manifest.job;
    let view = look(splitter, grant).await?;
    if view.has(0) {
        return Ok((PassOutcome::Complete { tiles: 0 }, None));
    }
    let ask = async || Ok((splitter.crew().await?, splitter.state.inline_tiles(job, 0).await?));
    let (crew, inline) = match answered(&splitter.shutdown, ask).await {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => return Err(PassOutcome::Damaged(StateError::as_reason(&error))),
        None => return Err(PassOutcome::Stopped(Stop::Drained)),
    };
    if !inline.is_empty() {
        return Err(PassOutcome::InTiles("a worker could not run it whole".to_owned()));
    }
    if crew.workers > 0 && !splitter.sharing.is_on() {
        return Err(PassOutcome::InTiles("not every worker reaches the store".to_owned()));
    }
    let gate = Arc::new(Gate::new(0, grant.run, view, splitter.ceiling.clone()));
    let _open = splitter.open(job, Pass { stage: 0, lease: Some(grant.lease.clone()), gate: gate.clone() });
    if splitter.shutdown.is_requested() {
        return Err(PassOutcome::Stopped(Stop::Drained));
    }
    if let Clearance::Stop(stop) = gate.admit(0, 0) {
        return Err(PassOutcome::Stopped(stop));
    }
    let out = WholeOut { splitter: splitter.clone(), job, gate: gate.clone() };
    match send_one(splitter, task(splitter, grant), &gate).await {
        Sent::All { tiles } => Ok((PassOutcome::Complete { tiles }, Some(out))),
        Sent::Stopped => Err(PassOutcome::Stopped(gate.stopped().unwrap_or(Stop::Drained))),
        Sent::Never(reason) => Err(PassOutcome::Damaged(reason)),
    }
}

/// The record, for the worker that has the least in hand.
fn task(splitter: &Splitter, grant: &Grant) -> Outgoing {
    let (manifest, partitions) = (&grant.manifest, splitter.logs.partitions());
    let job = manifest.job;
    let members = splitter.logs.readers();
    let pixels = manifest.plan.input.size.pixels();
    let partition = splitter.whole_places.lock().send(job, pixels, &members, partitions);
    let task = Task::Slot(SlotTask {
        job,
        run: grant.run,
        stage: 0,
        index: 0,
        plan: manifest.plan_hash(),
        attempt: grant.attempt,
        payload: PayloadKind::Shared,
        slot: 0,
        crc32c: 0,
    });
    let (headers, payload) = (task.encode(), Bytes::new());
    Outgoing { topic: Topic::Tasks, key: None, partition: Some(partition), headers, payload }
        .traced(manifest.trace.as_ref())
}

/// Starts a job over in tiles: first its description says so, then Redis, so that a crash between is made good by the next
/// lease ([`make_good`]). Says whether that was made known.
pub async fn in_tiles(splitter: &Splitter, grant: &Grant, why: &str) -> bool {
    let job = grant.manifest.job;
    let rewrite = async || {
        let whole = splitter.store.manifest(job).await?;
        let tiled = whole.as_ref().and_then(|manifest| manifest.in_tiles(grant.run + 1));
        match tiled {
            Some(tiled) => splitter.store.put_manifest(&tiled).await.map(|()| Some(tiled)),
            // By another already.
            None => Ok::<_, StoreError>(whole),
        }
    };
    match insist(&splitter.shutdown, "describing a job in tiles", rewrite).await {
        Ok(Some(manifest)) => make_good(splitter, grant, &manifest, why).await,
        Ok(None) => {
            verdict::fail(splitter, job, "the job's description is missing from the store; send the picture again")
                .await
        }
        Err(NoAnswer::Stopping) => false,
        Err(NoAnswer::Failed(error)) => {
            let reason =
                format!("it had to be started over in tiles, and its description could not be written: {error}");
            verdict::fail(splitter, job, &reason).await
        }
    }
}

/// Makes Redis say what the description says of a job that is started over in tiles.
pub async fn make_good(splitter: &Splitter, grant: &Grant, manifest: &Manifest, why: &str) -> bool {
    let job = manifest.job;
    let tell = || splitter.state.in_tiles(manifest, &grant.lease, why);
    match insist(&splitter.shutdown, "starting a job over in tiles", tell).await {
        Err(NoAnswer::Stopping) => return false,
        Err(NoAnswer::Failed(error)) => tracing::error!(%job, %error, why, "starting a job over in tiles"),
        Ok(transition) => tracing::warn!(%job, ?transition, why, "the job is started over in tiles"),
    }
    true
}
