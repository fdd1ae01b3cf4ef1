//! Attempts at a whole picture: within memory, watched while they run, again while the store is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::budget::Share;
use tessera::bus::records::{TaskHeader, WholeResult};
use tessera::job::Manifest;
use tessera::patience::{NoAnswer, insist};
use tessera::state::StateError;
use tessera::store::Store;
use tokio::sync::oneshot;

use super::Came;
use crate::actors::TaskRunner;
use crate::pyramids::held_bytes;
use crate::whole::{WholeEnd, WholeWatch, WholeWork};

/// Between two looks at whether a picture is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two notes of how far it is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts while the store is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the store may be away before others are asked to run the picture in tiles: for longer than a restart takes.
const MOST_AWAY: Duration = Duration::from_secs(60);
/// How often a picture may be read otherwise than it lies in the store.
const MOST_MISREAD: u32 = 3;

/// Ends the attempt when those who wait for it do no longer.
struct StopOnDrop(Arc<WholeWatch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl TaskRunner {
    /// Runs it, again while the store is away.
    pub(super) async fn whole(&self, task: &TaskHeader) -> Came {
        let Some(store) = self.exchange.store() else {
            return Came::AsTiles("this worker reaches no store (TESSERA_STORE)".to_owned());
        };
        let (mut away_since, mut misread) = (None, 0);
        loop {
            let problem = match self.attempt(store, task).await {
                Ok(came) => return came,
                Err(WholeEnd::Misread) => {
                    misread += 1;
                    if misread >= MOST_MISREAD {
                        let text = "reading the picture gave other bytes than were sent, again and again: look after the \
                                    disk and the memory of the machines, then retry";
                        return Came::Failed(text.to_owned());
                    }
                    "it was read otherwise than it was sent".to_owned()
                }
                Err(WholeEnd::Away(problem)) => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > MOST_AWAY {
                        return Came::AsTiles(problem);
                    }
                    problem
                }
                Err(WholeEnd::Failed(reason)) => return Came::Failed(reason),
                Err(WholeEnd::Panicked(reason)) => return Came::Panicked(reason),
                Err(WholeEnd::Stopped | WholeEnd::Made { .. }) => return Came::Unwanted,
            };
            tracing::warn!(problem, "a whole picture cannot be run now; it is tried again");
            tokio::time::sleep(PAUSE).await;
            match self.is_wanted(task).await {
                Some(true) => {}
                Some(false) => return Came::Unwanted,
                None => return Came::Stopped,
            }
        }
    }

    /// One attempt; as an error what may go better another time.
    async fn attempt(&self, store: &Store, task: &TaskHeader) -> Result<Came, WholeEnd> {
        let manifest = match store.manifest(task.job).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) if self.exchange.identity().await.is_some() => return Ok(Came::Unwanted),
            Ok(None) => return Err(WholeEnd::Away("the store is not where it was".to_owned())),
            Err(error) => return Err(WholeEnd::Away(error.to_string())),
        };
        if manifest.plan_hash() != task.plan {
            return Ok(Came::Unwanted);
        }
        let (needed, most) = (self.need(&manifest), self.wholes.memory.total());
        // A picture that leaves no room for them is run without.
        let with_pyramids = |bytes| needed.saturating_add(held_bytes(&manifest, bytes));
        let pyramid_bytes = self.wholes.pyramid_bytes.filter(|bytes| with_pyramids(*bytes) <= most);
        if needed > most {
            return Ok(Came::AsTiles(format!(
                "it needs {needed} bytes of memory, this worker has {most} for whole pictures"
            )));
        }
        let share = self.in_line(task, self.wholes.memory.reserve(pyramid_bytes.map_or(needed, with_pyramids))).await;
        let watch = Arc::new(WholeWatch::default());
        let work = WholeWork {
            store: store.clone(),
            runtime: tokio::runtime::Handle::current(),
            manifest,
            resources: self.wholes.budget.resources(),
            max_decode_bytes: most,
            pyramid_bytes,
            delay: self.wholes.delay,
            watch: watch.clone(),
        };
        match self.watched(task, work, share, watch).await {
            Some(WholeEnd::Made { token, written, remarks }) => {
                let result = WholeResult { token, bytes: written.bytes, digest: written.digest };
                Ok(Came::Made(result, remarks))
            }
            // Whatever it said: nothing can be said of a picture in a store that is away.
            Some(WholeEnd::Failed(reason)) if self.exchange.identity().await.is_none() => Err(WholeEnd::Away(reason)),
            Some(other) => Err(other),
            None => Ok(Came::Stopped),
        }
    }

    /// What a picture takes of this worker's memory.
    fn need(&self, manifest: &Manifest) -> u64 {
        let plan = &manifest.plan;
        let Some(stage) = plan.stage(0) else { return u64::MAX };
        let encoded = manifest.result_format().whole_bytes(plan.output).unwrap_or(0);
        self.wholes.budget.needs(&stage.steps, plan.input, encoded)
    }

    /// Runs it on a thread of its own, and tells and asks Redis meanwhile; `None` if the worker stops.
    async fn watched(
        &self,
        task: &TaskHeader,
        work: WholeWork,
        share: Share,
        watch: Arc<WholeWatch>,
    ) -> Option<WholeEnd> {
        let _stop = StopOnDrop(watch.clone());
        let (reply, mut ended) = oneshot::channel();
        let body = move || {
            let end = work.run();
            drop(share);
            // There is no one waiting for it when the worker stops.
            let _ = reply.send(end);
        };
        if let Err(error) = std::thread::Builder::new().name("whole-picture".to_owned()).spawn(body) {
            return Some(WholeEnd::Away(format!("no thread could be started: {error}")));
        }
        let mut noted: Option<Instant> = None;
        loop {
            if noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY) {
                noted = Some(Instant::now());
                let worker = &self.publisher.identity().worker;
                if let Err(error) = self.state.rows_done(task.job, worker, watch.permille()).await {
                    tracing::debug!(%error, "noting how far a picture is");
                }
            }
            tokio::select! {
                end = &mut ended => return end.ok(),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            // A Redis that is away says nothing about the job.
            if let Ok(false) = self.look(task).await {
                watch.stop();
            }
        }
    }

    async fn look(&self, task: &TaskHeader) -> Result<bool, StateError> {
        let views = self.state.windows(&[(task.job, task.stage)]).await?;
        Ok(views.first().is_some_and(|view| {
            view.status.is_some_and(|status| !status.is_terminal()) && view.run == task.run && !view.has(task.index)
        }))
    }

    /// As [`Self::look`], waiting for Redis; `None` if the worker stops first.
    async fn is_wanted(&self, task: &TaskHeader) -> Option<bool> {
        match insist(&self.shutdown, "looking at a job", || self.look(task)).await {
            Ok(is_wanted) => Some(is_wanted),
            Err(NoAnswer::Stopping) => None,
            // A key that does not read: whoever takes the result will say so.
            Err(NoAnswer::Failed(_)) => Some(true),
        }
    }
}
