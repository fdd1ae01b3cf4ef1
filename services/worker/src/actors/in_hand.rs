//! Tiles that this worker has in hand, as Redis notes them against this start.
//!
//! Owns that a tile is taken before it is run and given back after, so that one which ends its worker again and again is
//! found; a tile that was not run is never held against it. Knows no record.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::Mutex;
use tessera::bus::records::TaskHeader;
use tessera::job::{JobId, Token};
use tessera::patience::answered;
use tessera::state::{State, Take};
use tessera::telemetry::Shutdown;

use crate::condemned::{is_condemned, is_suspect};
use crate::tile::Poison;

/// A finished tile is given back by itself if no other tile of its stage is taken for so long.
const GIVE_BACK_AFTER: Duration = Duration::from_millis(50);

/// Job, run, stage and tile.
pub type TileName = (JobId, u32, u32, u32);

/// What is to be done with a task.
pub enum TaskVerdict {
    /// It is run.
    Run,
    /// It is not wanted: the job ended, is at another stage, or has the tile.
    Skip,
    /// It ended too many workers.
    Condemned(Poison),
    /// The worker stops.
    Stop,
}

/// The tiles in hand.
pub struct TilesInHand {
    state: State,
    incarnation: Token,
    shutdown: Shutdown,
    /// Tiles that Redis may have noted against this start.
    taken: Mutex<HashSet<TileName>>,
    /// Of these, the finished ones, which are given back with the next one that is taken.
    finished: Mutex<Vec<TileName>>,
}

impl TilesInHand {
    /// None yet, for the start `incarnation` of a worker.
    pub fn new(state: State, incarnation: Token, shutdown: Shutdown) -> Self {
        Self { state, incarnation, shutdown, taken: Mutex::default(), finished: Mutex::default() }
    }

    /// A tile that turned out not to be wanted.
    pub fn forget(&self, task: &TaskHeader) {
        self.taken.lock().remove(&name(task));
    }

    /// A tile was run.
    pub fn finished(&self, task: &TaskHeader) {
        self.finished.lock().push(name(task));
    }

    /// Takes a tile that is about to be run, and says whether it is to be.
    pub async fn verdict(&self, task: &TaskHeader) -> TaskVerdict {
        self.taken.lock().insert(name(task));
        let back = self.finished_of(task);
        let indexes: Vec<u32> = back.iter().map(|(.., index)| *index).collect();
        let of = (task.job, task.stage, task.index);
        let take = async || self.state.take_and_give_back(of.0, of.1, of.2, &self.incarnation, &indexes).await;
        let taken = answered(&self.shutdown, take).await;
        if let Some(Ok(_)) = &taken {
            let mut taken = self.taken.lock();
            // One that is taken again is in hand again.
            for tile in back.iter().filter(|tile| **tile != name(task)) {
                taken.remove(tile);
            }
        }
        let others = match taken {
            None => return TaskVerdict::Stop,
            Some(Ok(Take::Skip)) => return TaskVerdict::Skip,
            Some(Ok(Take::Run { others })) => others,
            Some(Err(error)) => {
                // To run a tile once more does no harm; not to run it might.
                tracing::warn!(%error, job = %task.job, tile = task.index, "taking a tile that redis knows nothing of");
                return TaskVerdict::Run;
            }
        };
        if !is_suspect(&others) {
            return TaskVerdict::Run;
        }
        match answered(&self.shutdown, async || self.state.live_incarnations().await).await {
            None => TaskVerdict::Stop,
            Some(Ok(alive)) if is_condemned(&others, &alive) => TaskVerdict::Condemned(Poison {
                class: "condemned",
                reason: format!("{} workers ended while they ran it", others.len()),
            }),
            Some(_) => TaskVerdict::Run,
        }
    }

    /// Gives a finished tile back, unless the next one that is taken does so within a moment.
    pub async fn give_back_unless_taken(&self, task: &TaskHeader) {
        tokio::time::sleep(GIVE_BACK_AFTER).await;
        let is_held = {
            let mut finished = self.finished.lock();
            let at = finished.iter().position(|tile| *tile == name(task));
            at.map(|at| finished.swap_remove(at)).is_some()
        };
        if is_held {
            self.give_back(task).await;
        }
    }

    /// Takes out the finished tiles of a task's stage that are still to be given back.
    fn finished_of(&self, task: &TaskHeader) -> Vec<TileName> {
        let mut finished = self.finished.lock();
        let is_of = |(job, run, stage, _): &TileName| (*job, *run, *stage) == (task.job, task.run, task.stage);
        let (back, rest) = finished.drain(..).partition(is_of);
        *finished = rest;
        back
    }

    /// Gives a tile back: what happens from here on is not its doing.
    pub async fn give_back(&self, task: &TaskHeader) {
        let give = async || self.state.give_back(task.job, task.stage, task.index).await;
        match answered(&self.shutdown, give).await {
            Some(Ok(())) => drop(self.taken.lock().remove(&name(task))),
            Some(Err(error)) => tracing::warn!(%error, job = %task.job, tile = task.index, "giving a tile back"),
            None => {}
        }
    }

    /// The worker stops with tiles in hand, perhaps unfinished: that is not theirs to answer for.
    pub async fn hand_back(&self) {
        let taken: Vec<TileName> = self.taken.lock().iter().copied().collect();
        for tile in taken {
            self.put_back(tile).await;
        }
    }

    /// A tile was not run: this start is not held against it, those that ended with it still are.
    pub async fn put_back(&self, tile: TileName) {
        self.taken.lock().remove(&tile);
        let (job, _, stage, index) = tile;
        if let Err(error) = self.state.hand_back(job, stage, index, &self.incarnation).await {
            tracing::warn!(%error, %job, stage, tile = index, "handing back a tile that was not run");
        }
    }
}

/// The tile that a task is for.
pub fn name(task: &TaskHeader) -> TileName {
    (task.job, task.run, task.stage, task.index)
}
