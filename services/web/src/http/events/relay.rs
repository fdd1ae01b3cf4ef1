//! `EventRelay`: looks at the jobs that are watched, once for all who watch them.
//!
//! Owns who watches what and how often Redis is asked. Memory is one frame for each watched job and a place for
//! each watcher; who is slow skips frames, none are kept for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tessera::job::{JobId, WorkerId};
use tessera::state::{Glimpse, State, StateError, Watched};
use tessera::telemetry::Shutdown;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::frame::Frame;
use super::sight::{Link, Sight};
use super::tiles::Tiles;
use super::watcher::Watcher;
use crate::http::admission::Admission;
use crate::http::jobs::tiles::MAX_DRAWN;
use crate::http::problem::Problem;

/// Between two looks at a job: at most four events a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Who watches which job.
#[derive(Clone)]
pub struct EventRelay {
    inner: Arc<Inner>,
    shutdown: Shutdown,
}

struct Inner {
    jobs: Mutex<HashMap<JobId, watch::Sender<Sight>>>,
    came: Notify,
    places: Arc<Semaphore>,
    most: usize,
}

impl EventRelay {
    /// A relay for at most `most` watchers, whose streams end with `shutdown`.
    pub fn new(most: usize, shutdown: Shutdown) -> Self {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { inner: Arc::new(Inner { jobs: Mutex::default(), came: Notify::new(), places, most }), shutdown }
    }

    /// Begins to watch a job, which need not be known.
    ///
    /// # Errors
    /// [`Problem::Unavailable`] if there are too many watchers, or the service is being stopped.
    pub fn watch(&self, job: JobId) -> Result<Watcher, Problem> {
        if self.shutdown.is_requested() {
            return Err(Problem::Unavailable("the service is being stopped".to_owned()));
        }
        let place: OwnedSemaphorePermit = self.inner.places.clone().try_acquire_owned().map_err(|_| {
            Problem::Unavailable(format!(
                "{} watch jobs already: max_watchers; ask for the job itself",
                self.inner.most
            ))
        })?;
        let mut jobs = self.inner.jobs.lock();
        // A job that has ended is not looked at any more; it may have been begun again since.
        let open = jobs.get(&job).filter(|sights| is_open(&sights.borrow()));
        let sights = match open {
            Some(sights) => sights.subscribe(),
            None => {
                let (sender, sights) = watch::channel(Sight { link: Link::Unseen, frame: None });
                jobs.insert(job, sender);
                self.inner.came.notify_one();
                sights
            }
        };
        Ok(Watcher::new(sights, place, self.shutdown.clone()))
    }

    /// Looks at the watched jobs until the stop is requested.
    pub async fn run(&self, state: State, admission: Arc<Admission>) {
        let mut looker = Looker { relay: self.inner.clone(), state, admission, names: Arc::default() };
        let mut next = Instant::now();
        loop {
            let is_turn = Instant::now() >= next;
            if is_turn {
                next = Instant::now() + LOOK_EVERY;
            }
            // Between two looks only jobs are looked at that have not been seen yet.
            let asked = self.inner.watched(|sight| is_turn || sight.link == Link::Unseen);
            looker.look(asked).await;
            let is_idle = self.inner.jobs.lock().is_empty();
            tokio::select! {
                () = self.shutdown.requested() => return,
                () = self.inner.came.notified() => {}
                () = tokio::time::sleep_until(next), if !is_idle => {}
            }
        }
    }
}

/// Whether a job is still to be looked at.
fn is_open(sight: &Sight) -> bool {
    sight.link != Link::Unknown && !sight.frame.as_ref().is_some_and(|frame| frame.is_last())
}

impl Inner {
    /// The watched jobs that `wanted` names; those that are no longer watched are forgotten.
    fn watched(&self, wanted: impl Fn(&Sight) -> bool) -> Vec<(Watched, Option<Arc<Frame>>)> {
        let mut jobs = self.jobs.lock();
        jobs.retain(|_, sights| sights.receiver_count() > 0);
        let asked = jobs.iter().filter_map(|(job, sights)| {
            let sight = sights.borrow();
            if !is_open(&sight) || !wanted(&sight) {
                return None;
            }
            let frame = sight.frame.clone();
            let after = frame.as_ref().and_then(|frame| frame.cursor().map(str::to_owned));
            let tiles_of = frame.as_ref().map_or(Some(0), |frame| frame.drawn_stage());
            Some((Watched { job: *job, after, tiles_of }, frame))
        });
        asked.collect()
    }

    /// Shows a job's watchers what was seen.
    fn show(&self, job: JobId, link: Link, frame: Option<Arc<Frame>>) {
        let jobs = self.jobs.lock();
        let Some(sights) = jobs.get(&job) else { return };
        sights.send_if_modified(|sight| {
            let is_news = sight.link != link || frame.is_some();
            sight.link = link;
            sight.frame = frame.or(sight.frame.take());
            is_news
        });
    }
}

struct Looker {
    relay: Arc<Inner>,
    state: State,
    admission: Arc<Admission>,
    names: Arc<HashMap<u16, WorkerId>>,
}

impl Looker {
    async fn look(&mut self, asked: Vec<(Watched, Option<Arc<Frame>>)>) {
        if asked.is_empty() {
            return;
        }
        let (watched, frames): (Vec<Watched>, Vec<_>) = asked.into_iter().unzip();
        let glimpses = match self.glimpses(&watched, &frames).await {
            Ok(glimpses) => glimpses,
            Err(error) => {
                tracing::debug!(%error, jobs = watched.len(), "looking at watched jobs");
                return watched.iter().for_each(|one| self.relay.show(one.job, Link::Away, None));
            }
        };
        self.learn_names(&glimpses).await;
        for ((one, before), glimpse) in watched.iter().zip(frames).zip(glimpses) {
            match glimpse {
                None => self.relay.show(one.job, Link::Unknown, None),
                Some(glimpse) => {
                    let has_all =
                        before.as_ref().is_some_and(|one| one.has_all_of(&glimpse, self.admission.has_workers()));
                    let frame = (!has_all).then(|| self.frame(glimpse, before.as_deref()));
                    self.relay.show(one.job, Link::Live, frame.filter(Frame::is_news).map(Arc::new));
                }
            }
        }
    }

    /// Looks at jobs; of one that is seen first and is not at its first stage, once more for its tiles.
    async fn glimpses(
        &self,
        watched: &[Watched],
        frames: &[Option<Arc<Frame>>],
    ) -> Result<Vec<Option<Glimpse>>, StateError> {
        let mut glimpses = self.state.glimpses(watched).await?;
        let seen = frames.iter().zip(&glimpses).enumerate();
        let again = seen.filter_map(|(at, (before, glimpse))| {
            let view = &glimpse.as_ref().filter(|_| before.is_none())?.view;
            let is_late = view.stage != 0 && view.total_tiles <= MAX_DRAWN;
            is_late.then_some((at, Watched { job: view.job, after: None, tiles_of: Some(view.stage) }))
        });
        let (places, again): (Vec<usize>, Vec<Watched>) = again.unzip();
        for (at, glimpse) in places.into_iter().zip(self.state.glimpses(&again).await?) {
            glimpses[at] = glimpse;
        }
        Ok(glimpses)
    }

    /// Asks for the workers' names when a number comes up that has none yet.
    async fn learn_names(&mut self, glimpses: &[Option<Glimpse>]) {
        let tiles = glimpses.iter().flatten().filter_map(|glimpse| glimpse.tiles.as_ref());
        let mut made = tiles.flatten().flatten();
        if made.all(|tile| tile.worker_number == 0 || self.names.contains_key(&tile.worker_number)) {
            return;
        }
        match self.state.worker_names().await {
            Ok(names) => self.names = Arc::new(names),
            Err(error) => tracing::debug!(%error, "asking for the workers' names"),
        }
    }

    fn frame(&self, glimpse: Glimpse, before: Option<&Frame>) -> Frame {
        let Glimpse { view, changes, tiles } = glimpse;
        let changes = before.map(Frame::changes).unwrap_or_default().iter().cloned().chain(changes).collect();
        let tiles = tiles.filter(|_| view.total_tiles <= MAX_DRAWN);
        let tiles = tiles.map(|made| Tiles { of: (view.run, view.stage), made });
        Frame::new(view, self.admission.has_workers(), changes, tiles, self.names.clone(), before)
    }
}
