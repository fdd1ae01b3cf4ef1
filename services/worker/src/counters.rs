//! What a worker counts for its page of metrics. WorkerCounters only; decides nothing.

use std::sync::Arc;
use std::time::Duration;

use tessera::bus::records::PayloadKind;
use tessera::operation::Step;
use tessera::telemetry::metrics::{Counters, Histogram, Registry, Timers, Unit, read_gauge, timer, timers};

use crate::progress::Progress;

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Its result was acknowledged by Kafka.
    Done,
    /// Its tile was not wanted any more.
    Skipped,
    /// It was dead-lettered.
    Buried,
    /// Its pixels were not in their slot: it was asked for once more, with them.
    AskedInline,
}

impl TaskOutcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Buried => "dead_lettered",
            Self::AskedInline => "asked_inline",
        }
    }
}

/// Counters of one process; clones share them.
#[derive(Clone, Debug)]
pub struct WorkerCounters {
    tiles: Counters,
    tasks: Counters,
    results: Counters,
    steps: Timers,
    waits: Histogram,
}

impl WorkerCounters {
    /// Nothing counted yet. Every outcome is there from the start, as a zero.
    pub fn new() -> Self {
        let tiles = Counters::default();
        for outcome in [TaskOutcome::Done, TaskOutcome::Skipped, TaskOutcome::Buried, TaskOutcome::AskedInline] {
            drop(tiles.get_or_create(&[("outcome", outcome.word())]));
        }
        let (tasks, results) = (Counters::default(), Counters::default());
        for payload in [PayloadKind::Inline, PayloadKind::Shared] {
            drop(tasks.get_or_create(&[("payload", payload.as_str())]));
            drop(results.get_or_create(&[("payload", payload.as_str())]));
        }
        Self { tiles, tasks, results, steps: timers(), waits: timer() }
    }

    /// Shows the counters on a page, with the slots of a worker.
    pub fn register(&self, registry: &mut Registry, slots: u32, progress: &Arc<Progress>) {
        registry.register("worker_tiles", "Tasks by what became of them", self.tiles.clone());
        let help = "Tasks that were run, by where their pixels were: in the record, or in a slot of the store";
        registry.register("worker_task_payloads", help, self.tasks.clone());
        let help = "Results by where their pixels went";
        registry.register("worker_result_payloads", help, self.results.clone());
        let help = "Running one operation on one tile";
        registry.register_with_unit("tile_run", help, Unit::Seconds, self.steps.clone());
        let help = "From a task's arrival until a slot takes it";
        registry.register_with_unit("tile_wait", help, Unit::Seconds, self.waits.clone());
        read_gauge(registry, "slots", "Tiles that can be run at once", move || slots.into());
        let progress = progress.clone();
        read_gauge(registry, "slots_busy", "Tiles that are being run", move || progress.in_hand() as u64);
    }

    /// A task has come to its end here.
    pub fn ended(&self, outcome: TaskOutcome) {
        self.tiles.get_or_create(&[("outcome", outcome.word())]).inc();
    }

    /// A task was run whose pixels and result came and went so.
    pub fn carried(&self, task: PayloadKind, result: PayloadKind) {
        self.tasks.get_or_create(&[("payload", task.as_str())]).inc();
        self.results.get_or_create(&[("payload", result.as_str())]).inc();
    }

    /// A task waited so long for a slot.
    pub fn waited(&self, time: Duration) {
        self.waits.observe(time.as_secs_f64());
    }

    /// A step was run on a tile.
    pub fn ran(&self, step: &Step, time: Duration) {
        self.steps.get_or_create(&[("operation", step.definition().name)]).observe(time.as_secs_f64());
    }
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self::new()
    }
}
