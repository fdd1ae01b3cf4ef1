//! The drop-guarded acknowledgement that travels with each record.
//!
//! Owns the rule "undecided means retry": a panic or a forgotten record never acknowledges. Must
//! never block, since it is dropped anywhere, also on an async runtime's thread.

use std::fmt;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What a handler decided about one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Finished: its offset may be stepped over.
    Done,
    /// Not finished: hand it out again after a backoff. It counts as an attempt.
    Retry,
    /// Not finished for no fault of the record: hand it out again after a backoff, and count nothing.
    PutOff,
    /// Still unfinished, but no longer counted against the bound on records in flight.
    Released,
}

/// A decision with the record it is about.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) partition: i32,
    /// The assignment the record was handed out under; decisions of an older one are void.
    pub(crate) generation: u64,
    pub(crate) offset: i64,
    /// Bytes to give back to the bound; `None` when the slot was given back before.
    pub(crate) slot_bytes: Option<usize>,
    pub(crate) decision: Decision,
    /// Why it is given back, if that is known.
    pub(crate) cause: Option<String>,
}

/// What can wake a polling thread.
#[derive(Debug)]
pub(crate) enum Signal {
    /// A handler decided.
    Verdict(Verdict),
    /// Stop, and wait this long for the records in flight.
    Stop(Duration),
}

/// What a handler left behind that panicked.
const PANICKED: &str = "its handling panicked; the log says where, please report it";

/// The acknowledgement of one record. Dropped undecided, it asks for a retry.
#[must_use = "dropping it undecided hands the record out again"]
pub struct Ack {
    thread: Sender<Signal>,
    partition: i32,
    generation: u64,
    offset: i64,
    slot_bytes: Option<usize>,
    decision: Decision,
    cause: Option<String>,
}

impl Ack {
    pub(crate) fn new(thread: Sender<Signal>, partition: i32, generation: u64, offset: i64, bytes: usize) -> Self {
        Self { thread, partition, generation, offset, slot_bytes: Some(bytes), decision: Decision::Retry, cause: None }
    }

    /// Declares the record finished: its offset is committed once all lower ones are.
    pub fn done(mut self) {
        self.decision = Decision::Done;
    }

    /// Gives the record back: it is handed out again after a backoff, and the attempt counts.
    pub fn retry(self) {}

    /// As [`Ack::retry`], and says why: the reason is in the dead letter when the attempts are spent.
    pub fn fail(mut self, cause: impl Into<String>) {
        self.cause = Some(cause.into());
    }

    /// Gives the record back because something else is down or in the way: it is handed out again after a backoff,
    /// and nothing is counted.
    pub fn put_off(mut self) {
        self.decision = Decision::PutOff;
    }

    /// Stops counting the record against the bound on records in flight, although it stays
    /// unacknowledged. For the record that completes a stage: its offset waits for the stage's end,
    /// and must not hold up the records behind it.
    pub fn release_slot(&mut self) {
        if self.slot_bytes.is_some() {
            self.send(Decision::Released, None);
            self.slot_bytes = None;
        }
    }

    fn send(&self, decision: Decision, cause: Option<String>) {
        let Self { partition, generation, offset, slot_bytes, .. } = *self;
        let verdict = Verdict { partition, generation, offset, slot_bytes, decision, cause };
        // A stopped polling thread has given its partitions back: there is nothing left to tell.
        let _ = self.thread.send(Signal::Verdict(verdict));
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        let mut cause = self.cause.take();
        if self.decision == Decision::Retry && std::thread::panicking() {
            cause.get_or_insert_with(|| PANICKED.to_owned());
        }
        self.send(self.decision, cause);
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ack({}:{})", self.partition, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn ack() -> (Ack, Receiver<Signal>) {
        let (sender, receiver) = channel();
        (Ack::new(sender, 3, 7, 40, 1000), receiver)
    }

    fn verdicts(receiver: &Receiver<Signal>) -> Vec<(Decision, Option<usize>)> {
        receiver
            .try_iter()
            .map(|signal| match signal {
                Signal::Verdict(verdict) => (verdict.decision, verdict.slot_bytes),
                Signal::Stop(_) => panic!("an ack never stops the consumer"),
            })
            .collect()
    }

    #[test]
    fn done_retry_and_drop_each_report_one_verdict() {
        let (done, receiver) = ack();
        done.done();
        assert_eq!(verdicts(&receiver), [(Decision::Done, Some(1000))]);
        let (retried, receiver) = ack();
        retried.retry();
        assert_eq!(verdicts(&receiver), [(Decision::Retry, Some(1000))]);
        let (put_off, receiver) = ack();
        put_off.put_off();
        assert_eq!(verdicts(&receiver), [(Decision::PutOff, Some(1000))]);
        let (dropped, receiver) = ack();
        drop(dropped);
        assert_eq!(verdicts(&receiver), [(Decision::Retry, Some(1000))]);
    }

    #[test]
    fn a_panic_in_the_handler_is_a_retry() {
        let (held, receiver) = ack();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = held;
            panic!("a handler failed");
        }));
        assert!(outcome.is_err());
        let Ok(Signal::Verdict(verdict)) = receiver.try_recv() else { panic!("a verdict") };
        assert_eq!((verdict.decision, verdict.slot_bytes), (Decision::Retry, Some(1000)));
        assert!(verdict.cause.unwrap().contains("panicked"));
    }

    #[test]
    fn a_released_slot_is_given_back_once() {
        let (mut held, receiver) = ack();
        held.release_slot();
        held.release_slot();
        held.done();
        assert_eq!(verdicts(&receiver), [(Decision::Released, Some(1000)), (Decision::Done, None)]);
    }
}
