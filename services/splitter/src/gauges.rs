//! What a splitter's page of metrics shows of the passes under way. Reads the splitter; counts nothing.

use std::sync::Arc;

use tessera::telemetry::metrics::{Registry, read_gauge};

use crate::splitter::Splitter;

/// Shows how many pictures are being read, and what of them is out.
pub fn register(splitter: &Arc<Splitter>, registry: &mut Registry) {
    let of = splitter.clone();
    read_gauge(registry, "passes_open", "Pictures that are being read", move || of.passes().len() as u64);
    let of = splitter.clone();
    let tiles = move || of.passes().iter().map(|(_, pass)| pass.gate.outstanding() as u64).sum();
    read_gauge(
        registry,
        "outstanding_tiles",
        "Tiles that were sent and whose results are not in their slots yet",
        tiles,
    );
    let of = splitter.clone();
    read_gauge(registry, "outstanding_bytes", "Bytes of their pixels", move || of.ceiling.outstanding());
}
