//! What a splitter counts for its page of metrics. Counts only; decides nothing.

use tessera::bus::records::PayloadKind;
use tessera::telemetry::metrics::{Counter, Counters, Registry, Unit};

use crate::gate::Stop;

/// Counters of one process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct SplitterCounters {
    tiles: Counter,
    bytes: Counter,
    payloads: Counters,
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
    /// What was read is not what was written: the job is started over.
    Misread,
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
            Self::Stopped(Stop::Again) => "again",
            Self::Stopped(Stop::Unsendable) => "unsendable",
            Self::Damaged => "damaged",
            Self::Misread => "misread",
            Self::Unreadable => "unreadable",
        }
    }
}

impl SplitterCounters {
    /// Shows the counters on a page.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tiles_sent", "Tasks that Kafka has acknowledged, repetitions included", self.tiles.clone());
        registry.register_with_unit("tiles_sent", "Bytes of their pixels", Unit::Bytes, self.bytes.clone());
        let help = "The same by where their pixels are: in the record, or in a slot of the store";
        registry.register("tiles_sent_payloads", help, self.payloads.clone());
        registry.register("passes", "Reading passes by how they ended", self.passes.clone());
    }

    /// Kafka has a tile of `bytes`, which are in its record or in a slot.
    pub fn sent(&self, payload: PayloadKind, bytes: u64) {
        self.tiles.inc();
        self.bytes.inc_by(bytes);
        self.payloads.get_or_create(&[("payload", payload.as_str())]).inc();
    }

    /// A pass has ended.
    pub fn pass_ended(&self, end: PassEnd) {
        self.passes.get_or_create(&[("end", end.word())]).inc();
    }
}
