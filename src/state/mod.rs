//! The state of jobs and workers in Redis, where `redis-cli` shows it.
//!
//! Owns the keys, the scripts that move a job from one state to the next, and the way back after Redis
//! lost its data. Decides no policy (when to retry, sweep or give up) and keeps no state of its own.
//!
//! Every transition is one idempotent Lua script: it compares and sets, touches one job's keys and the indexes over jobs,
//! and answers "already so" as success. So a count by status is that of the hashes at every moment. The price: all
//! indexes and jobs are on one Redis, never spread over a cluster's slots.

mod activity;
mod calls;
mod client;
pub mod counters;
mod error;
mod history;
mod idempotency;
mod inline;
mod keys;
mod leases;
mod lifecycle;
mod listing;
mod mending;
mod moments;
mod names;
mod plans;
mod progress;
pub mod recovery;
mod repair;
mod script;
mod stages;
mod stores;
mod tiles;
mod view;
mod watching;
mod workers;

use std::time::Duration;

pub use activity::{Activity, JobEvent};
pub use client::{State, StateOptions};
pub use error::StateError;
pub use history::WorkerTile;
pub use idempotency::{Idempotency, MAX_KEY_BYTES, key_digest};
pub use keys::NameKind;
pub use leases::{LeaseState, Leased, MAX_DEAD_LEASES, Release};
pub use lifecycle::MAX_REASON_CHARS;
pub use listing::Order;
pub use moments::Moments;
pub use names::{Holder, NameClaim};
pub use plans::{PlannedStage, StagePlan};
pub use progress::Standing;
pub use stages::{Claim, Given, Mark, Marked};
pub use stores::{Announced, SystemStore};
pub use tiles::{Take, TileBy, WindowView};
pub use view::JobView;
pub use watching::{Glimpse, Watched};
pub use workers::{Crew, Heard, WorkerTotals, WorkerView};

use crate::job::JobStatus;

/// How long the keys of an ended job outlive its result, so that 410 can be answered.
pub const KEEP_KEYS: Duration = Duration::from_secs(7 * 24 * 3600);

/// What became of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The job was moved.
    Made,
    /// It had been moved before: a success, too.
    AlreadySo,
    /// Its status, stage or token does not fit; `None`: there is no such job.
    Refused {
        /// Where the job is instead.
        status: Option<JobStatus>,
    },
}

impl Transition {
    /// Whether the job is now where the caller wanted it.
    pub fn is_so(self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

#[cfg(test)]
#[cfg(feature = "broker-tests")]
mod tests;
