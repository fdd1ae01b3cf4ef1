//! What a monitor counts for its page of metrics, and how many jobs and workers it sees while on duty.
//!
//! Decides nothing. A monitor that stands by shows no jobs and no workers: what it knew may be old.

use tessera::bus::{Group, Topic};
use tessera::job::JobStatus;
use tessera::telemetry::metrics::{Counter, Counters, Gauges, Registry, Unit, read_gauge};

use crate::duty::Duty;

/// Counters of one process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MonitorCounters {
    heartbeats: Counter,
    refused: Counter,
    deaths: Counter,
    checks: Counter,
    failed: Counter,
    rebuilds: Counter,
    damaged: Counter,
    trimmed: Counters,
    unread: Gauges,
    dead_letters: Gauges,
    room: Gauges,
    jobs: Gauges,
    workers: Gauges,
}

impl MonitorCounters {
    /// Shows the counters on a page.
    pub fn register(&self, registry: &mut Registry, duty: &Duty) {
        registry.register("heartbeats", "Signs of life that were heard", self.heartbeats.clone());
        let help = "Heartbeats that did not count: of a name in use, of too many unknown names, or none at all";
        registry.register("heartbeats_refused", help, self.refused.clone());
        registry.register("worker_deaths", "Workers that fell silent without saying so", self.deaths.clone());
        registry.register("stall_checks", "Times that a stuck job's stitcher was asked to look", self.checks.clone());
        registry.register("jobs_given_up", "Jobs that failed as stuck or overdue", self.failed.clone());
        registry.register(
            "redis_rebuilds",
            "Times that Redis had lost its data and got it back",
            self.rebuilds.clone(),
        );
        registry.register("damaged_files", "Files in the store that were found damaged", self.damaged.clone());
        registry.register(
            "kafka_records_removed",
            "Records that were finished and are removed from Kafka",
            self.trimmed.clone(),
        );
        let help = "Records that their group has not finished; only the monitor on duty says";
        registry.register("kafka_unread_records", help, self.unread.clone());
        let help = "Records that were set aside and lie there; only the monitor on duty says";
        registry.register("dead_letters_waiting", help, self.dead_letters.clone());
        let help = "The disk of the store; only the monitor on duty says";
        registry.register_with_unit("store_room", help, Unit::Bytes, self.room.clone());
        registry.register("jobs", "Jobs by status; only the monitor on duty says", self.jobs.clone());
        registry.register("workers", "Workers by state; only the monitor on duty says", self.workers.clone());
        let duty = duty.clone();
        read_gauge(registry, "monitor_on_duty", "Whether this monitor is the active one", move || duty.is_on().into());
    }

    /// So many heartbeats did not count, or were none.
    pub fn refused(&self, beats: u64) {
        self.refused.inc_by(beats);
    }

    /// So many heartbeats came.
    pub fn heard(&self, beats: usize) {
        self.heartbeats.inc_by(beats as u64);
    }

    /// A worker fell silent without having said that it stops.
    pub fn died(&self) {
        self.deaths.inc();
    }

    /// A stitcher was asked to look.
    pub fn checked(&self) {
        self.checks.inc();
    }

    /// A job was ended as failed.
    pub fn gave_up(&self) {
        self.failed.inc();
    }

    /// Redis has its data again.
    pub fn rebuilt(&self) {
        self.rebuilds.inc();
    }

    /// A file in the store is damaged.
    pub fn damaged(&self) {
        self.damaged.inc();
    }

    /// So many records that a group had finished were removed.
    pub fn trimmed(&self, group: Group, records: u64) {
        self.trimmed.get_or_create(&[("topic", group.topic().base_name())]).inc_by(records);
    }

    /// So many records of a topic are unread.
    pub fn unread(&self, topic: Topic, records: i64) {
        self.unread.get_or_create(&[("topic", topic.base_name())]).set(records);
    }

    /// So many dead letters lie in a topic.
    pub fn waiting(&self, topic: Topic, records: i64) {
        self.dead_letters.get_or_create(&[("topic", topic.base_name())]).set(records);
    }

    /// So many bytes of the store's disk are free, of so many.
    pub fn room(&self, free: u64, total: u64) {
        for (state, bytes) in [("free", free), ("total", total)] {
            self.room.get_or_create(&[("state", state)]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// There are so many jobs of each status.
    pub fn jobs(&self, counts: &[(JobStatus, u64)]) {
        for (status, count) in counts {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.jobs.get_or_create(&[("status", status.as_str())]).set(count);
        }
    }

    /// There are so many workers that live, and that died lately.
    pub fn workers(&self, alive: usize, silent: usize) {
        for (state, count) in [("live", alive), ("silent", silent)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.workers.get_or_create(&[("state", state)]).set(count);
        }
    }

    /// Another monitor is on duty: what this one knew may be old.
    pub fn stand_by(&self) {
        self.jobs.clear();
        self.workers.clear();
        self.unread.clear();
        self.dead_letters.clear();
        self.room.clear();
    }
}
