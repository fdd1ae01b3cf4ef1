//! What jobs that do not move may be waiting for.
//!
//! Owns the questions to Redis and the store behind a [`Hope`]; each is asked once a round, and only when some job does
//! not move. Judges no job.

use std::collections::{HashMap, HashSet};

use tessera::job::{JobId, Token};
use tessera::state::{JobView, Standing, StateError};
use tessera::store::Object;

use crate::backends::MonitorBackends;
use crate::stalls::{Hope, Signs};

/// What was found out in a round, and when the last check of each job was sent, by the clock of Redis.
#[derive(Debug, Default)]
pub struct Hopes {
    sent: HashMap<JobId, i64>,
    has_workers: bool,
    has_store: bool,
    alive: HashSet<Token>,
    standings: HashMap<JobId, Standing>,
}

impl Hopes {
    /// Finds out what there is to know of `still`, the jobs that do not move.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn ask(&mut self, backends: &MonitorBackends, still: &[&JobView]) -> Result<(), StateError> {
        self.has_workers = backends.state.live_slots().await? > 0;
        if still.is_empty() {
            return Ok(());
        }
        let stages: Vec<(JobId, u32)> = still.iter().map(|job| (job.job, job.stage)).collect();
        let standings = backends.state.standings(&stages).await?;
        self.standings = stages.iter().map(|(job, _)| *job).zip(standings).collect();
        self.alive = backends.state.live_incarnations().await?;
        self.has_store = match backends.store.size(&Object::Manifest(JobId::random())).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(%error, "the store does not answer");
                false
            }
        };
        Ok(())
    }

    /// What `job` may be waiting for.
    pub fn of(&self, job: &JobView) -> Hope {
        let standing = self.standings.get(&job.job);
        // A job that waits for tiles waits for workers first; one that has them all does not.
        let needs_workers = job.received_tiles < job.total_tiles;
        Hope::of(Signs {
            is_queued: !job.leased && standing.is_some_and(|standing| standing.is_ready),
            is_in_line: job.moments.is_in_line(),
            is_away: (needs_workers && !self.has_workers) || !self.has_store,
            is_unheard: self.sent.get(&job.job).is_some_and(|sent_ms| job.moments.heard < *sent_ms),
            is_in_hand: standing.is_some_and(|standing| !standing.in_hand.is_disjoint(&self.alive)),
        })
    }

    /// Takes note that a check was sent, at `now_ms` at the earliest.
    pub fn sent(&mut self, job: JobId, now_ms: i64) {
        self.sent.insert(job, now_ms);
    }

    /// Whether workers live.
    pub fn has_workers(&self) -> bool {
        self.has_workers
    }

    /// Forgets all jobs but these.
    pub fn keep(&mut self, jobs: &HashSet<JobId>) {
        self.sent.retain(|job, _| jobs.contains(job));
        self.standings.clear();
    }
}
