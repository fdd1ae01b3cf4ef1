//! What a stitcher counts for its page of metrics. Counts only; decides nothing.

use std::time::Duration;

use tessera::bus::records::PayloadKind;
use tessera::state::Marked;
use tessera::telemetry::metrics::{Counter, Counters, Gauge, Histogram, Registry, Unit, timer};

/// Counters of one process; clones share them.
#[derive(Clone, Debug)]
pub struct StitcherCounters {
    tiles: Counters,
    ends: Counters,
    turns: Histogram,
    result_bytes: Counter,
    stages: Gauge,
    resends: Counter,
    payloads: Counters,
}

/// How a stage ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageOutcome {
    /// Its product is known to all.
    Ended,
    /// Another had it, or its job had ended.
    Lost,
    /// It ended its job as failed.
    Failed,
    /// It is started over when its records come again.
    Later,
}

impl StitcherCounters {
    /// Nothing counted yet. Every kind of tile is there from the start, as a zero.
    pub fn new() -> Self {
        let tiles = Counters::default();
        for kind in ["new", "known", "fenced", "ended", "dropped", "refused", "differing", "damaged", "absent"] {
            drop(tiles.get_or_create(&[("kind", kind)]));
        }
        let (ends, result_bytes, resends) = (Counters::default(), Counter::default(), Counter::default());
        let payloads = Counters::default();
        for payload in [PayloadKind::Inline, PayloadKind::Shared] {
            drop(payloads.get_or_create(&[("payload", payload.as_str())]));
        }
        Self { tiles, ends, turns: timer(), result_bytes, stages: Gauge::default(), resends, payloads }
    }

    /// Shows the counters on a page.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("stitcher_tiles", "Results by what they were to their stage", self.tiles.clone());
        let help = "Results by where their pixels came: in the record, or in a slot of the store";
        registry.register("stitcher_payloads", help, self.payloads.clone());
        registry.register("stages_ended", "Stages by how they ended here", self.ends.clone());
        let help = "Turns of an encoder at some strips of a stage";
        registry.register_with_unit("encode", help, Unit::Seconds, self.turns.clone());
        let help = "Bytes of results, and of rows between stages";
        registry.register_with_unit("products", help, Unit::Bytes, self.result_bytes.clone());
        registry.register("stages_open", "Stages that are being put together", self.stages.clone());
        registry.register("resends", "Times that tiles were asked for again", self.resends.clone());
    }

    /// Redis has said what a tile was.
    pub fn marked(&self, marked: Marked) {
        self.tile(match marked {
            Marked::New | Marked::Complete => "new",
            Marked::Known => "known",
            Marked::Fenced => "fenced",
            Marked::Ended => "ended",
            Marked::Damaged => "damaged",
        });
    }

    /// A tile was late, early or of no job.
    pub fn dropped(&self) {
        self.tile("dropped");
    }

    /// A tile was not what it said.
    pub fn refused(&self) {
        self.tile("refused");
    }

    /// A tile was not in the slot that its record names.
    pub fn absent(&self) {
        self.tile("absent");
    }

    /// A tile has come, its pixels with it or in a slot.
    pub fn came(&self, payload: PayloadKind) {
        self.payloads.get_or_create(&[("payload", payload.as_str())]).inc();
    }

    /// A tile came again with other bytes.
    pub fn differed(&self) {
        self.tile("differing");
    }

    fn tile(&self, kind: &'static str) {
        self.tiles.get_or_create(&[("kind", kind)]).inc();
    }

    /// An encoder has taken a turn.
    pub fn encoded(&self, time: Duration) {
        self.turns.observe(time.as_secs_f64());
    }

    /// A product of `bytes` is in the store.
    pub fn produced(&self, bytes: u64) {
        self.result_bytes.inc_by(bytes);
    }

    /// A stage has ended here.
    pub fn stage_ended(&self, outcome: StageOutcome) {
        let word = match outcome {
            StageOutcome::Ended => "ended",
            StageOutcome::Lost => "lost",
            StageOutcome::Failed => "failed",
            StageOutcome::Later => "later",
        };
        self.ends.get_or_create(&[("outcome", word)]).inc();
    }

    /// So many stages are being put together.
    pub fn open(&self, stages: usize) {
        self.stages.set(i64::try_from(stages).unwrap_or(i64::MAX));
    }

    /// Tiles were asked for again.
    pub fn asked_again(&self) {
        self.resends.inc();
    }
}

impl Default for StitcherCounters {
    fn default() -> Self {
        Self::new()
    }
}
