//! Which jobs are stuck, and for how long one is patient with them.
//!
//! Owns the waits between two checks of a job, and when it is given up. Pure: knows no clock, no Redis and no Kafka. A
//! job is stuck when it does not move, whether or not a service holds it or is busy with it.

use std::collections::{HashMap, HashSet};

use tessera::job::{JobId, JobStatus};

/// The longest wait between two checks that count.
const LONGEST_WAIT_MS: i64 = 600_000;
/// Checks that counted, without a new tile, after which a job is given up.
const MAX_CHECKS: u32 = 5;
/// A job that nothing could move any more is checked again after so many times the first wait, however patient one is.
const MOST_WAITS: i64 = 2;

/// What is known of a job in hand.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Which job.
    pub job: JobId,
    /// Where it is.
    pub status: JobStatus,
    /// Its run.
    pub run: u32,
    /// Its stage.
    pub stage: u32,
    /// Tiles of the stage in their slots.
    pub received: u32,
    /// Tiles of the stage.
    pub total: u32,
    /// Reading passes that were begun.
    pub passes: u32,
    /// Milliseconds since it moved.
    pub idle_ms: i64,
    /// Why it may not have moved.
    pub hope: Hope,
}

/// What a job that does not move may be waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hope {
    /// Nothing that is known of could move it.
    None,
    /// A live worker has one of its tiles in hand.
    InHand,
    /// It has its place in a line: for a splitter, for memory, for an encoder.
    InLine,
    /// Its stitcher has not read the last check: it is away, or the check is lost.
    Unheard,
    /// What it needs is away: all workers, or the store.
    Away,
}

/// What is known of a job that does not move, beside its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// It is ready and not being read: a splitter takes it when it has a place.
    pub is_queued: bool,
    /// It was said lately that it waits for memory or an encoder.
    pub is_in_line: bool,
    /// Something that it needs is away.
    pub is_away: bool,
    /// No stitcher has read the last check.
    pub is_unheard: bool,
    /// A live worker has one of its tiles.
    pub is_in_hand: bool,
}

impl Hope {
    /// What these signs say.
    pub fn of(signs: Signs) -> Self {
        match signs {
            Signs { is_queued: true, .. } | Signs { is_in_line: true, .. } => Self::InLine,
            Signs { is_away: true, .. } => Self::Away,
            Signs { is_unheard: true, .. } => Self::Unheard,
            Signs { is_in_hand: true, .. } => Self::InHand,
            _ => Self::None,
        }
    }
}

/// What to do about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing.
    Fine,
    /// Ask its stitcher to look at its spool.
    Check {
        /// Whether it was asked before, and nothing came of it.
        again: bool,
    },
    /// Fail it.
    GiveUp {
        /// How often it was checked.
        checks: u32,
    },
}

/// The jobs that were found stuck.
#[derive(Debug)]
pub struct Stalls {
    after_ms: i64,
    watches: HashMap<JobId, Watch>,
}

#[derive(Debug)]
struct Watch {
    run: u32,
    stage: u32,
    received: u32,
    passes: u32,
    /// Checks that counted.
    checks: u32,
    /// When it was last checked.
    checked_ms: i64,
    /// When it was last looked at.
    looked_ms: i64,
    /// Time since the last check that counted, in which all that it needs was there.
    patience_ms: i64,
}

impl Stalls {
    /// None yet; a job is stuck when it has not moved for `after_ms`.
    pub fn new(after_ms: u64) -> Self {
        Self { after_ms: i64::try_from(after_ms).unwrap_or(LONGEST_WAIT_MS), watches: HashMap::new() }
    }

    /// Whether a job in hand has not moved for so long that its [`Hope`] is to be asked for.
    pub fn is_still(&self, idle_ms: i64) -> bool {
        idle_ms >= self.after_ms
    }

    /// Looks at a job at `now_ms`.
    pub fn look(&mut self, look: &Look, now_ms: i64) -> Advice {
        let is_in_hand = matches!(look.status, JobStatus::Processing | JobStatus::Finishing);
        if !is_in_hand || self.has_moved(look) {
            self.watches.remove(&look.job);
        }
        let is_still = is_in_hand && self.is_still(look.idle_ms);
        let is_all_there = matches!(look.hope, Hope::None | Hope::InHand);
        let can_move = is_all_there || look.hope == Hope::Unheard;
        let after_ms = self.after_ms;
        let Some(watch) = self.watches.get_mut(&look.job) else {
            return if is_still && can_move { Advice::Check { again: false } } else { Advice::Fine };
        };
        // Time in which something is away, the monitor itself included, or in which rows are read, is not held against
        // the job.
        let passed = (now_ms - watch.looked_ms).clamp(0, after_ms);
        watch.looked_ms = now_ms;
        watch.patience_ms += if is_all_there && look.idle_ms >= after_ms / 4 { passed } else { 0 };
        if !is_still || !can_move {
            return Advice::Fine;
        }
        let is_due = is_all_there && watch.counts(look, after_ms);
        if is_due && watch.checks >= MAX_CHECKS {
            return Advice::GiveUp { checks: watch.checks };
        }
        let longest = if look.hope == Hope::InHand { LONGEST_WAIT_MS.max(after_ms) } else { after_ms * MOST_WAITS };
        let waited = now_ms.saturating_sub(watch.checked_ms);
        let is_over = is_due || waited >= wait(after_ms, watch.checks).min(longest);
        if is_over { Advice::Check { again: true } } else { Advice::Fine }
    }

    /// Takes note that a job's stitcher was asked at `now_ms`. What was not sent does not count.
    pub fn checked(&mut self, look: &Look, now_ms: i64) {
        let (after_ms, Look { run, stage, received, passes, .. }) = (self.after_ms, *look);
        let new =
            || Watch { run, stage, received, passes, checks: 1, checked_ms: now_ms, looked_ms: now_ms, patience_ms: 0 };
        match self.watches.get_mut(&look.job) {
            None => drop(self.watches.insert(look.job, new())),
            Some(watch) => {
                if look.hope != Hope::Unheard && watch.counts(look, after_ms) {
                    (watch.checks, watch.patience_ms, watch.passes) = (watch.checks + 1, 0, passes);
                }
                watch.checked_ms = now_ms;
            }
        }
    }

    /// Forgets all jobs but these.
    pub fn keep(&mut self, jobs: &HashSet<JobId>) {
        self.watches.retain(|job, _| jobs.contains(job));
    }

    /// Whether there is a new tile since the job was checked first.
    fn has_moved(&mut self, look: &Look) -> bool {
        let Some(watch) = self.watches.get_mut(&look.job) else { return false };
        let has_moved = (look.run, look.stage) != (watch.run, watch.stage) || look.received > watch.received;
        // Tiles that were lost and come again are progress, too.
        watch.received = watch.received.min(look.received);
        has_moved
    }
}

impl Watch {
    /// Whether a check would count now: its time has come, and what the one before asked for was tried, so that the
    /// missing tiles were sent again and still did not come.
    fn counts(&self, look: &Look, after_ms: i64) -> bool {
        let was_tried = look.received >= look.total || look.passes > self.passes;
        was_tried && self.patience_ms >= wait(after_ms, self.checks)
    }
}

/// The wait after so many checks: it doubles.
fn wait(after_ms: i64, checks: u32) -> i64 {
    (after_ms << checks.min(16)).min(LONGEST_WAIT_MS.max(after_ms))
}

#[cfg(test)]
#[path = "stalls/tests.rs"]
mod tests;
