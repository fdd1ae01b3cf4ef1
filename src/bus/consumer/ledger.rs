//! What a consumer knows of its partitions and of the records it handed out.
//!
//! Owns assignment, generations, trackers, backoffs and slots, as plain state with the time passed
//! in. Must never talk to Kafka.

mod partition;

use std::collections::BTreeMap;
use std::time::Instant;

use super::slots::Slots;
use crate::bus::ack::{Decision, Handing, PartitionAcks, Verdict};
use partition::Partition;

/// A partition and an offset in it.
pub(super) type Place = (i32, i64);

/// The state of one consumer.
#[derive(Debug)]
pub(super) struct Ledger {
    partitions: BTreeMap<i32, Partition>,
    pub(super) slots: Slots,
    undecided: usize,
    generations: u64,
    /// Which client the assignment belongs to; callbacks of a replaced one are ignored.
    client: u64,
    /// Counts changes of the assignment.
    changes: u64,
    has_progress: bool,
}

impl Ledger {
    pub(super) fn new(slots: Slots) -> Self {
        let partitions = BTreeMap::new();
        Self { partitions, slots, undecided: 0, generations: 0, client: 0, changes: 0, has_progress: false }
    }

    /// Starts over with another client: nothing is assigned, and what was handed out before is void.
    pub(super) fn begin_client(&mut self) -> u64 {
        self.client += 1;
        self.changes += 1;
        self.partitions.clear();
        self.client
    }

    pub(super) fn is_client(&self, client: u64) -> bool {
        self.client == client
    }

    pub(super) fn assign(&mut self, partitions: impl IntoIterator<Item = i32>) {
        self.changes += 1;
        for partition in partitions {
            let fresh = self.fresh();
            self.partitions.insert(partition, fresh);
        }
    }

    pub(super) fn revoke(&mut self, partitions: impl IntoIterator<Item = i32>) {
        self.changes += 1;
        for partition in partitions {
            self.partitions.remove(&partition);
        }
    }

    pub(super) fn assignment(&self) -> Vec<i32> {
        self.partitions.keys().copied().collect()
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Records that were handed out and on which no verdict came yet, released slots included.
    pub(super) fn undecided(&self) -> usize {
        self.undecided
    }

    /// Takes note of a record that was read. `Some` with its generation and attempt: hand it out.
    pub(super) fn deliver(&mut self, (partition, offset): Place, bytes: usize) -> Option<(u64, u32)> {
        let (generation, attempt) = self.note_read((partition, offset))?;
        self.slots.take(bytes);
        self.undecided += 1;
        Some((generation, attempt))
    }

    /// Why the last attempt at a record that was handed out again was in vain.
    pub(super) fn cause(&self, (partition, offset): Place) -> Option<String> {
        self.partitions.get(&partition)?.causes.get(&offset).cloned()
    }

    /// Takes note of a record that was read although it cannot be handed out now: it is read again. That is no attempt.
    pub(super) fn decline(&mut self, place: Place, now: Instant) {
        if self.note_read(place).is_some() {
            self.give_back(place, Decision::PutOff, now);
        }
    }

    fn note_read(&mut self, (partition, offset): Place) -> Option<(u64, u32)> {
        let mut state = self.partitions.get_mut(&partition)?;
        let mut handing = state.acks.deliver(offset);
        if handing == Handing::Rewound {
            tracing::warn!(partition, offset, "a record below what was committed; was the topic made again?");
            let mut fresh = self.fresh();
            fresh.acks = PartitionAcks::beginning_at(offset);
            self.partitions.insert(partition, fresh);
            state = self.partitions.get_mut(&partition)?;
            handing = Handing::Hand { attempt: 1 };
        }
        let gone = state.acks.take_gone();
        if gone > 0 {
            tracing::error!(partition, records = gone, "records to be handed out again are gone; check the retention");
            self.has_progress = true;
        }
        // What is committed already need not be committed again.
        state.sent = state.sent.or(state.acks.commit_point());
        if state.acks.waiting().is_none() {
            state.retry_at = None;
        }
        match handing {
            Handing::Hand { attempt } => Some((state.generation, attempt)),
            Handing::Full => {
                tracing::warn!(partition, offset, "too many unfinished records; the partition waits for some of them");
                None
            }
            Handing::Skip | Handing::Rewound => None,
        }
    }

    /// Applies what a handler decided.
    pub(super) fn decide(&mut self, verdict: &Verdict, now: Instant) {
        if let Some(bytes) = verdict.slot_bytes {
            self.slots.give_back(bytes);
        }
        if verdict.decision != Decision::Released {
            self.undecided = self.undecided.saturating_sub(1);
        }
        let Some(state) = self.partitions.get_mut(&verdict.partition) else { return };
        if state.generation != verdict.generation {
            return;
        }
        match verdict.decision {
            Decision::Released => {}
            Decision::Retry | Decision::PutOff => {
                if let Some(cause) = &verdict.cause {
                    state.causes.insert(verdict.offset, cause.clone());
                }
                self.give_back((verdict.partition, verdict.offset), verdict.decision, now);
            }
            Decision::Done => {
                state.causes.remove(&verdict.offset);
                if state.acks.finish(verdict.offset).is_some() {
                    state.has_moved_on();
                    self.has_progress = true;
                }
            }
        }
    }

    fn give_back(&mut self, (partition, offset): Place, how: Decision, now: Instant) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.give_back(offset, how, now);
        }
    }

    /// Where to read again now: the lowest waiting record of each partition whose backoff is over, or where reading
    /// stopped because there was too much.
    pub(super) fn seeks(&self, now: Instant) -> Vec<Place> {
        let place = |(partition, state): (&i32, &Partition)| state.due(now).map(|offset| (*partition, offset));
        self.partitions.iter().filter_map(place).collect()
    }

    /// The partitions of which nothing is to be read before the next seek.
    pub(super) fn closed(&self) -> Vec<i32> {
        let closed = self.partitions.iter().filter(|(_, state)| state.acks.unread().is_some());
        closed.map(|(partition, _)| *partition).collect()
    }

    /// Takes note that a partition is read again from `offset` on.
    pub(super) fn sought(&mut self, (partition, offset): Place) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.acks.sought(offset);
            state.retry_at = None;
        }
    }

    /// Takes note that reading again failed: it is tried after another backoff.
    pub(super) fn seek_failed(&mut self, (partition, _): Place, now: Instant) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.back_off(now);
        }
    }

    /// When the next backoff ends.
    pub(super) fn next_seek(&self) -> Option<Instant> {
        let pending = |state: &&Partition| state.retry_at.is_some() && state.acks.waiting().is_some();
        self.partitions.values().filter(pending).filter_map(|state| state.retry_at).min()
    }

    /// Whether there may be something to commit.
    pub(super) fn has_progress(&self) -> bool {
        self.has_progress
    }

    /// Takes the offsets to be committed that the broker does not have.
    pub(super) fn take_commits(&mut self) -> Vec<Place> {
        self.has_progress = false;
        let mut places = Vec::new();
        for (partition, state) in &mut self.partitions {
            let point = state.acks.commit_point();
            if let Some(offset) = point.filter(|_| point != state.sent) {
                state.sent = point;
                places.push((*partition, offset));
            }
        }
        places
    }

    /// Takes note that a commit failed: everything is sent again.
    pub(super) fn commit_failed(&mut self) {
        for state in self.partitions.values_mut() {
            // No record has this offset, so whatever the commit point is, it counts as not sent.
            state.sent = state.sent.map(|_| -1);
        }
        self.has_progress = true;
    }

    /// The commit points of some partitions, for the last commit before they are given up.
    pub(super) fn commit_points(&self, partitions: &[i32]) -> Vec<Place> {
        let point = |partition: &i32| Some((*partition, self.partitions.get(partition)?.acks.commit_point()?));
        partitions.iter().filter_map(point).collect()
    }

    /// Up to where each partition was read; `None` if nothing was yet.
    pub(super) fn positions(&self) -> Vec<(i32, Option<i64>)> {
        self.partitions.iter().map(|(partition, state)| (*partition, state.acks.position())).collect()
    }

    fn fresh(&mut self) -> Partition {
        self.generations += 1;
        Partition::new(self.generations)
    }
}

#[cfg(test)]
mod tests;
