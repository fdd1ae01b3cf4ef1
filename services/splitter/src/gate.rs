//! Where the thread that cuts a picture waits until a tile may go out, or is told to stop.
//!
//! The watcher and the pass write, the cutting thread waits. Decides from what it is told; asks no one.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tessera::job::JobStatus;
use tessera::state::WindowView;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::window::{Ceiling, Window};

/// A pass that is full for so long does nothing that would be lost if it were started over.
const FULL_FOR: Duration = Duration::from_secs(2);

/// Why a pass ends before its last tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Another splitter has the lease.
    Lost,
    /// The job has ended, or is at another stage.
    Ended,
    /// The splitter stops.
    Drained,
    /// Tiles that are out do not come back, and another pass was asked for: it sends them again.
    Again,
    /// A tile cannot be sent; the part that stopped it knows why.
    Unsendable,
}

/// What a tile that is about to be cut is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearance {
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
    /// The same for those who must not block.
    news: Notify,
}

#[derive(Debug)]
struct Inner {
    window: Window,
    view: WindowView,
    stop: Option<Stop>,
    is_full: bool,
    /// Tiles that go out and that Kafka has not taken.
    undelivered: usize,
    /// Of these, tiles for which there is no room in Kafka's log.
    without_room: usize,
    /// Of these, tiles that were handed to the client.
    sending: usize,
    moved: Instant,
    waited: Duration,
    /// Rows were read since this was asked last.
    has_read: bool,
    /// The pass waits in a line for memory.
    is_in_line: bool,
}

impl Gate {
    /// A gate for a stage of a run whose bits are as in `view`.
    pub fn new(stage: u32, run: u32, view: WindowView, ceiling: Ceiling) -> Self {
        let window = Window::new(ceiling);
        let (moved, waited) = (Instant::now(), Duration::ZERO);
        let (has_read, is_in_line) = (false, false);
        let inner = Inner {
            window,
            view,
            stop: None,
            is_full: false,
            undelivered: 0,
            without_room: 0,
            sending: 0,
            moved,
            waited,
            has_read,
            is_in_line,
        };
        Self { stage, run, inner: Mutex::new(inner), changed: Condvar::new(), news: Notify::new() }
    }

    /// Waits until tile `index` of `bytes` may go out; blocks its thread.
    pub fn admit(&self, index: u32, bytes: u64) -> Clearance {
        let mut inner = self.inner.lock();
        loop {
            if let Some(admission) = inner.admit(index, bytes, Instant::now()) {
                return admission;
            }
            let begun = Instant::now();
            self.changed.wait(&mut inner);
            inner.waited += begun.elapsed();
        }
    }

    /// As [`Gate::admit`], but does not wait: `None` while the window is full at `now`.
    pub fn try_admit(&self, index: u32, bytes: u64, now: Instant) -> Option<Clearance> {
        self.inner.lock().admit(index, bytes, now)
    }

    /// Rows of the picture were read.
    pub fn has_read(&self) {
        self.inner.lock().has_read = true;
    }

    /// Whether rows were read since this was asked last.
    pub fn take_read(&self) -> bool {
        std::mem::take(&mut self.inner.lock().has_read)
    }

    /// The pass waits in a line for memory, or does no longer.
    pub fn set_in_line(&self, is_in_line: bool) {
        self.inner.lock().is_in_line = is_in_line;
    }

    /// Whether the pass waits in a line for memory, or for room in Kafka's log.
    pub fn is_in_line(&self) -> bool {
        let inner = self.inner.lock();
        inner.is_in_line || inner.without_room > 0
    }

    /// A tile waits for room in Kafka's log, as long as what it gets lives.
    pub fn without_room(&self) -> Wait<'_> {
        self.count(|inner| &mut inner.without_room)
    }

    /// A tile is with Kafka's client, as long as what it gets lives.
    pub fn sending(&self) -> Wait<'_> {
        self.count(|inner| &mut inner.sending)
    }

    fn count(&self, which: fn(&mut Inner) -> &mut usize) -> Wait<'_> {
        *which(&mut self.inner.lock()) += 1;
        Wait { gate: self, which }
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

    /// Looks at the job as it was seen last.
    pub fn look<T>(&self, at: impl FnOnce(&WindowView) -> T) -> T {
        at(&self.inner.lock().view)
    }

    /// Ready when the job was looked at again or the pass ends, from now on.
    pub fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// All that the pass sends is out: it can do nothing but wait.
    pub fn all_sent(&self) {
        self.inner.lock().is_full = true;
    }

    /// Kafka has a tile.
    pub fn delivered(&self) {
        let mut inner = self.inner.lock();
        inner.undelivered = inner.undelivered.saturating_sub(1);
    }

    /// Takes a new look at the job, while workers with `live_slots` slots live; says how many tiles have come back.
    pub fn observe(&self, view: WindowView, live_slots: u32) -> usize {
        self.observe_at(view, live_slots, Instant::now())
    }

    /// As [`Gate::observe`], at `now`. Never ends a pass because time goes by: that a job does not move is the
    /// monitor's to find out, who has another pass asked for.
    pub fn observe_at(&self, view: WindowView, live_slots: u32, now: Instant) -> usize {
        let mut inner = self.inner.lock();
        let readable = matches!(view.status, Some(JobStatus::Queued | JobStatus::Processing));
        if !readable || view.stage != self.stage || view.run != self.run {
            inner.stop.get_or_insert(Stop::Ended);
        }
        inner.window.set_live_slots(live_slots);
        let settled = inner.window.settle(|index| view.has(index));
        if settled > 0 || !inner.waits() {
            inner.moved = now;
        } else if view.again && now.saturating_duration_since(inner.moved) > FULL_FOR {
            inner.stop.get_or_insert(Stop::Again);
        }
        inner.view = view;
        self.changed.notify_all();
        self.news.notify_waiters();
        settled
    }

    /// Tiles that are out.
    pub fn outstanding(&self) -> usize {
        self.inner.lock().window.tiles()
    }

    /// Ends the pass; the first reason counts.
    pub fn stop(&self, why: Stop) {
        self.inner.lock().stop.get_or_insert(why);
        self.changed.notify_all();
        self.news.notify_waiters();
    }

    /// Why the pass ends, if it does.
    pub fn stopped(&self) -> Option<Stop> {
        self.inner.lock().stop
    }
}

/// That a tile waits for something.
pub struct Wait<'a> {
    gate: &'a Gate,
    which: fn(&mut Inner) -> &mut usize,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        *(self.which)(&mut self.gate.inner.lock()) -= 1;
    }
}

impl Inner {
    /// Whether the pass can do nothing but wait for tiles that are out, or for workers to make room: what Kafka's client
    /// has, or a tile that is about to be sent, is on its way.
    fn waits(&self) -> bool {
        let has_no_room = self.without_room > 0 && self.sending == 0;
        has_no_room || (self.is_full && self.undelivered == 0)
    }

    fn admit(&mut self, index: u32, bytes: u64, now: Instant) -> Option<Clearance> {
        if let Some(stop) = self.stop {
            return Some(Clearance::Stop(stop));
        }
        if self.view.has(index) {
            return Some(Clearance::Known);
        }
        self.is_full = !self.window.admits(bytes);
        if self.is_full {
            return None;
        }
        self.window.sent(index, bytes);
        self.undelivered += 1;
        self.moved = now;
        Some(Clearance::Send)
    }
}

#[cfg(test)]
mod tests;
