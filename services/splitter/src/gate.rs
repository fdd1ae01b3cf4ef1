//! Where the thread that cuts a picture waits until a tile may go out, or is told to stop.
//!
//! The watcher and the pass write, the cutting thread waits. Decides from what it is told; asks nobody.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tessera::job::JobStatus;
use tessera::state::WindowView;

use crate::window::{Ceiling, Window};

/// A pass that is full for so long, while workers live and Kafka takes records, has lost tiles.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Why a pass ends before its last tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Another splitter has the lease.
    Lost,
    /// The job has ended, or is at another stage.
    Ended,
    /// The splitter stops.
    Drained,
    /// Tiles that are out do not come back: the sweeper is to find out why.
    Stalled,
    /// A tile cannot be sent; whoever stopped it knows why.
    Unsendable,
}

/// What a tile that is about to be cut is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It goes out.
    Send,
    /// Its bit is set: it is not needed.
    Known,
    /// The pass ends.
    Stop(Stop),
}

/// One pass's gate.
#[derive(Debug)]
pub struct Gate {
    stage: u32,
    run: u32,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    window: Window,
    view: WindowView,
    stop: Option<Stop>,
    is_full: bool,
    undelivered: usize,
    moved: Instant,
    waited: Duration,
}

impl Gate {
    /// A gate for a stage of a run whose bits are as in `view`.
    pub fn new(stage: u32, run: u32, view: WindowView, ceiling: Ceiling) -> Self {
        let window = Window::new(ceiling);
        let (moved, waited) = (Instant::now(), Duration::ZERO);
        let inner = Inner { window, view, stop: None, is_full: false, undelivered: 0, moved, waited };
        Self { stage, run, inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// Waits until tile `index` of `bytes` may go out; blocks its thread.
    pub fn admit(&self, index: u32, bytes: u64) -> Admission {
        let mut inner = self.inner.lock();
        loop {
            if let Some(stop) = inner.stop {
                return Admission::Stop(stop);
            }
            if inner.view.has(index) {
                return Admission::Known;
            }
            inner.is_full = !inner.window.admits(bytes);
            if !inner.is_full {
                inner.window.sent(index, bytes);
                inner.undelivered += 1;
                inner.moved = Instant::now();
                return Admission::Send;
            }
            let begun = Instant::now();
            self.changed.wait(&mut inner);
            inner.waited += begun.elapsed();
        }
    }

    /// Counts time in which the cutting thread waited elsewhere.
    pub fn add_wait(&self, waited: Duration) {
        self.inner.lock().waited += waited;
    }

    /// How long the cutting thread has waited: what is left of its time went into reading and cutting.
    pub fn waited(&self) -> Duration {
        self.inner.lock().waited
    }

    /// Whether a tile was set when last looked at.
    pub fn has(&self, index: u32) -> bool {
        self.inner.lock().view.has(index)
    }

    /// Kafka has a tile.
    pub fn delivered(&self) {
        let mut inner = self.inner.lock();
        inner.undelivered = inner.undelivered.saturating_sub(1);
        inner.moved = Instant::now();
    }

    /// Takes a new look at the job, while workers with `live_slots` slots live.
    pub fn observe(&self, view: WindowView, live_slots: u32) {
        let mut inner = self.inner.lock();
        let readable = matches!(view.status, Some(JobStatus::Queued | JobStatus::Processing));
        if !readable || view.stage != self.stage || view.run != self.run {
            inner.stop.get_or_insert(Stop::Ended);
        }
        inner.window.set_live_slots(live_slots);
        let settled = inner.window.settle(|index| view.has(index));
        inner.view = view;
        // Only time counts in which a tile could have come back.
        if settled > 0 || !inner.is_full || inner.undelivered > 0 || live_slots == 0 {
            inner.moved = Instant::now();
        } else if inner.moved.elapsed() > STALLED_AFTER {
            inner.stop.get_or_insert(Stop::Stalled);
        }
        self.changed.notify_all();
    }

    /// Redis did not answer: that is no time in which a tile could have been seen to come back.
    pub fn overlooked(&self) {
        self.inner.lock().moved = Instant::now();
    }

    /// Tiles that are out.
    pub fn outstanding(&self) -> usize {
        self.inner.lock().window.tiles()
    }

    /// Ends the pass; the first reason counts.
    pub fn stop(&self, why: Stop) {
        self.inner.lock().stop.get_or_insert(why);
        self.changed.notify_all();
    }

    /// Why the pass ends, if it does.
    pub fn stopped(&self) -> Option<Stop> {
        self.inner.lock().stop
    }
}
