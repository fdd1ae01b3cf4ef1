//! What a splitter counts for its page of metrics. Counts only; decides nothing.

use std::sync::Arc;

use tessera::telemetry::metrics::{Counter, Counters, Registry, Unit, read_gauge};

use crate::desk::Desk;
use crate::gate::Stop;

/// Counters of one process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    tiles: Counter,
    bytes: Counter,
    passes: Counters,
}

/// How a reading pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassEnd {
    /// Every tile that was missing is out.
    Complete,
    /// It was stopped.
    Stopped(Stop),
    /// The picture cannot be read.
    Damaged,
    /// The store cannot be read.
    Unreadable,
}

impl PassEnd {
    fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Stopped(Stop::Lost) => "lost",
            Self::Stopped(Stop::Ended) => "ended",
            Self::Stopped(Stop::Drained) => "drained",
            Self::Stopped(Stop::Stalled) => "stalled",
            Self::Stopped(Stop::Unsendable) => "unsendable",
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Counts {
    /// Shows the counters on a page, with what is out by the watch of `desk`.
    pub fn register(&self, registry: &mut Registry, desk: &Arc<Desk>) {
        registry.register("tiles_sent", "Tasks that Kafka has acknowledged, repetitions included", self.tiles.clone());
        registry.register_with_unit("tiles_sent", "Bytes of their pixels", Unit::Bytes, self.bytes.clone());
        registry.register("passes", "Reading passes by how they ended", self.passes.clone());
        let of = desk.clone();
        read_gauge(registry, "passes_open", "Pictures that are being read", move || of.passes().len() as u64);
        let of = desk.clone();
        let tiles = move || of.passes().iter().map(|(_, pass)| pass.gate.outstanding() as u64).sum();
        read_gauge(registry, "outstanding_tiles", "Tiles that were sent and are not in a spool yet", tiles);
        let of = desk.clone();
        read_gauge(registry, "outstanding_bytes", "Bytes of their pixels", move || of.ceiling.outstanding());
    }

    /// Kafka has a tile of `bytes`.
    pub fn sent(&self, bytes: usize) {
        self.tiles.inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// A pass has ended.
    pub fn pass_ended(&self, end: PassEnd) {
        self.passes.get_or_create(&[("end", end.word())]).inc();
    }
}
