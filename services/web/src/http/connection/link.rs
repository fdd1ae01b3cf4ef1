//! What a connection's socket and its requests tell each other.
//!
//! Both live on one thread. The socket learns what is in hand, a request that its reader has a place to give back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::http::places::Holder;

/// What is in hand on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet.
    New,
    /// A request, its body with it.
    Asked,
    /// An answer.
    Answering,
    /// Nothing any more; since when something else is sent.
    Between(Option<Instant>),
}

/// What is known of a connection.
#[derive(Debug)]
pub struct Link {
    phase: Cell<Phase>,
    read: Cell<usize>,
    reader: RefCell<Option<Arc<Holder>>>,
    task: RefCell<Option<Waker>>,
}

impl Link {
    pub(super) fn new() -> Self {
        Self { phase: Cell::new(Phase::New), read: Cell::new(0), reader: RefCell::new(None), task: RefCell::new(None) }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.read.set(0);
        // The library does not look again by itself at a body that was full when its reader went away: the connection
        // would stay for ever.
        if let Some(task) = self.task.borrow().as_ref() {
            task.wake_by_ref();
        }
    }

    /// Bytes have been read in this phase; says how many in all.
    pub(super) fn add_read(&self, bytes: usize, now: Instant) -> usize {
        self.read.set(self.read.get() + bytes);
        if bytes > 0 && self.phase.get() == Phase::Between(None) {
            self.phase.set(Phase::Between(Some(now)));
        }
        self.read.get()
    }

    pub(super) fn has_read(&self) -> usize {
        self.read.get()
    }

    /// The task that serves the connection; the next phase wakes it.
    pub(super) fn served_by(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Who reads the answer in hand, if it has a place.
    pub(super) fn reader(&self) -> Option<Arc<Holder>> {
        self.reader.borrow().clone()
    }
}

/// A request in hand, until it is dropped.
#[derive(Debug)]
pub struct RequestInHand {
    link: Rc<Link>,
}

impl RequestInHand {
    /// A request has come.
    pub fn new(link: Rc<Link>) -> Self {
        link.enter(Phase::Asked);
        Self { link }
    }

    /// Its answer begins, for a reader who has a place or needs none.
    pub fn answer(&self, reader: Option<Arc<Holder>>) {
        *self.link.reader.borrow_mut() = reader;
        self.link.enter(Phase::Answering);
    }
}

impl Drop for RequestInHand {
    fn drop(&mut self) {
        // What is still on its way out is no longer held against a place that is given back.
        *self.link.reader.borrow_mut() = None;
        self.link.enter(Phase::Between(None));
    }
}
