//! One watcher's stream: what it has seen, and what it is told next.
//!
//! Nothing is kept for a watcher but the last frame it was sent, which all share.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tessera::telemetry::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::frame::Frame;
use super::id::EventId;
use super::sight::{Link, Sight};
use crate::http::problem::Problem;

/// How soon a browser comes again after a break, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";
/// A comment that shows that the connection lives.
const HEARTBEAT: &str = ": alive\n\n";
/// Redis does not answer: the stream waits, and says so.
const WAITING: &str = "event: waiting\ndata: {\"detail\":\"the job store (Redis) does not answer now; the stream goes on when it does\"}\n\n";
/// The job was removed while it was watched.
const GONE: &str = "event: gone\ndata: {\"detail\":\"there is no such job any more\"}\n\n";

/// A watcher of a job, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    sights: watch::Receiver<Sight>,
    _place: OwnedSemaphorePermit,
    shutdown: Shutdown,
}

impl Watcher {
    /// A watcher with a place, of what `sights` shows.
    pub fn new(sights: watch::Receiver<Sight>, place: OwnedSemaphorePermit, shutdown: Shutdown) -> Self {
        Self { sights, _place: place, shutdown }
    }

    /// What is seen of the job first.
    ///
    /// # Errors
    /// [`Problem::Unavailable`] if the job was not looked at within `limit`, or the service is being stopped.
    pub async fn first(&mut self, limit: Duration) -> Result<Sight, Problem> {
        let seen = self.sights.wait_for(|sight| sight.link != Link::Unseen);
        tokio::select! {
            seen = tokio::time::timeout(limit, seen) => match seen {
                Ok(Ok(sight)) => Ok(sight.clone()),
                _ => Err(Problem::Unavailable("the job could not be looked at now".to_owned())),
            },
            () = self.shutdown.requested() => Err(Problem::Unavailable("the service is being stopped".to_owned())),
        }
    }
}

/// What a watcher has.
#[derive(Debug)]
pub enum LastSeen {
    /// Nothing.
    Nothing,
    /// The event of that id, of an earlier stream.
    Id(EventId),
    /// This state.
    Frame(Arc<Frame>),
}

struct Line {
    watcher: Watcher,
    known: LastSeen,
    heartbeat: Duration,
    waits: VecDeque<Bytes>,
    is_away: bool,
    is_over: bool,
}

/// The events of a watcher that has `known`, with a comment after each `heartbeat` without one.
pub fn stream(watcher: Watcher, known: LastSeen, heartbeat: Duration) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let waits = VecDeque::from([Bytes::from_static(RETRY.as_bytes())]);
    let line = Line { watcher, known, heartbeat, waits, is_away: false, is_over: false };
    unfold(line, async |mut line| {
        let bytes = line.next().await?;
        Some((Ok(bytes), line))
    })
}

impl Line {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.waits.pop_front() {
                return Some(bytes);
            }
            if self.is_over || self.watcher.shutdown.is_requested() {
                return None;
            }
            let sight = self.watcher.sights.borrow_and_update().clone();
            self.take(&sight);
            if self.is_over || !self.waits.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.watcher.sights.changed() => self.is_over = changed.is_err(),
                () = tokio::time::sleep(self.heartbeat) => self.waits.push_back(Bytes::from_static(HEARTBEAT.as_bytes())),
                () = self.watcher.shutdown.requested() => self.is_over = true,
            }
        }
    }

    /// Takes in what is seen now.
    fn take(&mut self, sight: &Sight) {
        match sight.link {
            Link::Unseen => {}
            Link::Unknown => {
                self.waits.push_back(Bytes::from_static(GONE.as_bytes()));
                self.is_over = true;
            }
            Link::Away => {
                if !std::mem::replace(&mut self.is_away, true) {
                    self.waits.push_back(Bytes::from_static(WAITING.as_bytes()));
                }
            }
            Link::Live => {
                let Some(frame) = &sight.frame else { return };
                // A watcher that was told to wait is told that it is over, also if nothing has changed meanwhile.
                let is_back = std::mem::take(&mut self.is_away);
                let event = match &self.known {
                    LastSeen::Nothing => Some(frame.snapshot()),
                    LastSeen::Id(id) => frame.resume(id),
                    LastSeen::Frame(seen) => frame.after(seen),
                };
                let event = event.or_else(|| is_back.then(|| frame.nothing_new()));
                self.waits.extend(event);
                self.known = LastSeen::Frame(frame.clone());
                self.is_over = frame.is_last();
            }
        }
    }
}
