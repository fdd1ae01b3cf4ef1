//! Metrics that are read when the page is asked for: what is known elsewhere is not counted twice.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Registers a gauge whose value is `read` whenever the page is asked for. `read` must not wait.
pub fn read_gauge(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> u64 + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(Read { name, help, kind: MetricType::Gauge, read }));
}

/// Registers a counter whose value is `read` whenever the page is asked for. `read` must not wait.
pub fn read_counter(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> u64 + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(Read { name, help, kind: MetricType::Counter, read }));
}

struct Read<F> {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: F,
}

impl<F> fmt::Debug for Read<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Read").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Collector for Read<F> {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        // The format asks for a full stop at the end of a help text; registries add it.
        let help = format!("{}.", self.help);
        let value = (self.read)();
        let metric = encoder.encode_descriptor(self.name, &help, None, self.kind)?;
        match self.kind {
            MetricType::Counter => ConstCounter::new(value).encode(metric),
            _ => ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric),
        }
    }
}
