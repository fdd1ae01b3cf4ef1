//! One partition of a consumer: what is unfinished of it, and when it is read again.
//!
//! Owns its backoff. Knows nothing of slots and of other partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::bus::ack::{Decision, PartitionAcks};

/// The first pause before a record is handed out again, and the longest; each doubles the last.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(200);
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) acks: PartitionAcks,
    pub(super) generation: u64,
    /// The commit point that the broker has or is being sent.
    pub(super) sent: Option<i64>,
    pub(super) retry_at: Option<Instant>,
    backoff: Duration,
    /// Why records that wait were given back, by their offsets.
    pub(super) causes: BTreeMap<i64, String>,
}

impl Partition {
    /// A partition that was assigned just now.
    pub(super) fn new(generation: u64) -> Self {
        let (acks, causes) = (PartitionAcks::new(), BTreeMap::new());
        Self { acks, generation, sent: None, retry_at: None, backoff: FIRST_BACKOFF, causes }
    }

    /// Takes note that a record is to be read again; only a retry counts as an attempt.
    pub(super) fn give_back(&mut self, offset: i64, how: Decision, now: Instant) {
        if how == Decision::PutOff {
            self.acks.put_off(offset)
        } else {
            self.acks.retry(offset)
        }
        if self.retry_at.is_none() {
            self.back_off(now);
        }
    }

    /// Reads again only after another backoff, and after a longer one the next time.
    pub(super) fn back_off(&mut self, now: Instant) {
        self.retry_at = Some(now + self.backoff);
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
    }

    /// Takes note that there is something to commit: the next backoff is the first again.
    pub(super) fn has_moved_on(&mut self) {
        self.backoff = FIRST_BACKOFF;
    }

    /// Where it is to be read again now.
    pub(super) fn due(&self, now: Instant) -> Option<i64> {
        let is_over = self.retry_at.is_some_and(|at| at <= now);
        let waiting = self.acks.waiting().filter(|_| is_over || self.acks.has_missed());
        let may_go_on = self.acks.has_room() && self.retry_at.is_none_or(|at| at <= now);
        let unread = self.acks.unread().filter(|_| may_go_on);
        waiting.into_iter().chain(unread).min()
    }
}
