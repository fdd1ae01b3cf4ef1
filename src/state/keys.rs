//! The names of all keys; nothing else may make one.
//!
//! Names are made from parsed ids and closed enums, so that no message can choose a key.

use std::fmt;

use crate::job::{JobId, JobStatus, WorkerId};

/// What kind of process has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A worker.
    Worker,
    /// A splitter.
    Splitter,
    /// A stitcher.
    Stitcher,
    /// A monitor.
    Monitor,
}

impl fmt::Display for NameKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Worker => "worker",
            Self::Splitter => "splitter",
            Self::Stitcher => "stitcher",
            Self::Monitor => "monitor",
        })
    }
}

/// Makes keys with the system's prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The job's hash. The braces are literal: they keep one job's keys in one cluster slot.
    pub(super) fn job(&self, job: JobId) -> String {
        format!("{}job:{{{job}}}", self.prefix)
    }

    /// The job of a hash's key; `None` for all other keys.
    pub(super) fn parse_job(&self, key: &str) -> Option<JobId> {
        key.strip_prefix(&self.prefix)?.strip_prefix("job:{")?.strip_suffix('}')?.parse().ok()
    }

    /// A pattern that all job hashes match (and their other keys, too).
    pub(super) fn job_pattern(&self) -> String {
        let escape = |c: char| if "*?[]\\^-".contains(c) { format!("\\{c}") } else { c.to_string() };
        format!("{}job:{{*}}", self.prefix.chars().map(escape).collect::<String>())
    }

    pub(super) fn tiles(&self, job: JobId, stage: u32) -> String {
        format!("{}:tiles:{stage}", self.job(job))
    }

    pub(super) fn by(&self, job: JobId, stage: u32) -> String {
        format!("{}:by:{stage}", self.job(job))
    }

    pub(super) fn tries(&self, job: JobId, stage: u32) -> String {
        format!("{}:tries:{stage}", self.job(job))
    }

    pub(super) fn inline(&self, job: JobId, stage: u32) -> String {
        format!("{}:inline:{stage}", self.job(job))
    }

    pub(super) fn events(&self, job: JobId) -> String {
        format!("{}:events", self.job(job))
    }

    pub(super) fn jobs(&self) -> String {
        self.named("jobs")
    }

    pub(super) fn ready(&self) -> String {
        self.named("jobs:ready")
    }

    pub(super) fn status(&self, status: JobStatus) -> String {
        format!("{}jobs:status:{status}", self.prefix)
    }

    /// All indexes over jobs, in the order in which scripts take them.
    pub(super) fn indexes(&self) -> impl Iterator<Item = String> + '_ {
        [self.jobs(), self.ready()].into_iter().chain(JobStatus::ALL.into_iter().map(|status| self.status(status)))
    }

    pub(super) fn worker(&self, worker: &WorkerId) -> String {
        format!("{}worker:{worker}", self.prefix)
    }

    pub(super) fn worker_history(&self, worker: &WorkerId) -> String {
        format!("{}worker:{worker}:history", self.prefix)
    }

    pub(super) fn worker_totals(&self, worker: &WorkerId) -> String {
        format!("{}worker:{worker}:totals", self.prefix)
    }

    /// What the keys of workers begin with, for the one script that reads them all.
    pub(super) fn worker_prefix(&self) -> String {
        self.named("worker:")
    }

    /// `name` is a worker's id, or a service's name: letters, digits, `.`, `_` and `-`, or what stands for others.
    pub(super) fn name(&self, kind: NameKind, name: &str) -> String {
        format!("{}name:{kind}:{name}", self.prefix)
    }

    pub(super) fn strangers(&self) -> String {
        self.named("workers:strangers")
    }

    pub(super) fn workers(&self) -> String {
        self.named("workers")
    }

    pub(super) fn worker_numbers(&self) -> String {
        self.named("workers:numbers")
    }

    pub(super) fn activity(&self) -> String {
        self.named("activity")
    }

    /// `digest` is the hexadecimal hash of the sender's text, never the text.
    pub(super) fn idempotency(&self, digest: &str) -> String {
        format!("{}idempotency:{digest}", self.prefix)
    }

    pub(super) fn alive(&self) -> String {
        self.named("tessera:alive")
    }

    pub(super) fn system_store(&self) -> String {
        self.named("tessera:store")
    }

    pub(super) fn service_stores(&self) -> String {
        self.named("tessera:stores")
    }

    pub(super) fn rebuilding(&self) -> String {
        self.named("tessera:rebuilding")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_key_reads_back_and_no_other_does() {
        let (keys, job) = (Keys::new("p:"), JobId::random());
        assert_eq!(keys.job(job), format!("p:job:{{{job}}}"));
        assert_eq!(keys.parse_job(&keys.job(job)), Some(job));
        for other in [keys.tiles(job, 0), keys.events(job), keys.jobs(), format!("job:{{{job}}}")] {
            assert_eq!(keys.parse_job(&other), None, "{other}");
        }
    }

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(Keys::new("a*[b]").job_pattern(), "a\\*\\[b\\]job:{*}");
    }
}
