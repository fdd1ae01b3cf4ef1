//! What a process has asked of Redis, for its page of metrics.
//!
//! One set for the process. Counts round trips: a pipeline is one call.

use std::sync::LazyLock;
use std::time::Duration;

use super::error::StateError;
use crate::telemetry::metrics::{Counter, Counters, Histogram, Registry, Unit, timer};

static COUNTERS: LazyLock<StateCounters> = LazyLock::new(StateCounters::new);

#[derive(Debug)]
struct StateCounters {
    calls: Histogram,
    errors: Counters,
    reconnects: Counter,
}

impl StateCounters {
    fn new() -> Self {
        Self { calls: timer(), errors: Counters::default(), reconnects: Counter::default() }
    }
}

/// Shows the counters on a page.
pub fn register(registry: &mut Registry) {
    let of = &*COUNTERS;
    let registry = registry.sub_registry_with_prefix("redis");
    registry.register_with_unit("call", "Round trips to Redis, failed ones included", Unit::Seconds, of.calls.clone());
    registry.register("errors", "Round trips that gave no answer, or not what belongs there", of.errors.clone());
    registry.register(
        "reconnects",
        "Connections made again because nothing came over the old one",
        of.reconnects.clone(),
    );
}

/// A round trip took so long and ended so.
pub(super) fn asked<T>(took: Duration, outcome: &Result<T, StateError>) {
    COUNTERS.calls.observe(took.as_secs_f64());
    let kind = match outcome {
        Ok(_) => return,
        Err(StateError::Unavailable(_)) => "unavailable",
        Err(StateError::Data(_)) => "data",
    };
    COUNTERS.errors.get_or_create(&[("kind", kind)]).inc();
}

/// The connection is made again.
pub(super) fn reconnected() {
    COUNTERS.reconnects.inc();
}
