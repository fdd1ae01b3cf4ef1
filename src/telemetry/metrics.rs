//! Metrics: the page `/metrics`, in the text format of Prometheus or, for those who ask for it, of OpenMetrics.
//!
//! Owns the registry of a process and what every service shows: its version, its dependencies and itself as
//! a process. What the clients of Kafka and Redis count, and the service itself, is registered by the service. A label has few
//! values, all known to the program: never a job, a worker, a file or a text of a peer.

mod process;
mod read;
mod text;

use std::fmt;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;
pub use prometheus_client::registry::{Registry, Unit};
pub use read::{read_counter, read_gauge};

use super::Health;

/// What the page says that it is in the format of OpenMetrics.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The one label of a family, with a value that the program knows.
pub type Label = [(&'static str, &'static str); 1];

/// Counters that differ in one label.
pub type Counters = Family<Label, Counter>;

/// Gauges that differ in one label.
pub type Gauges = Family<Label, Gauge>;

/// Histograms of seconds that differ in one label.
pub type Timers = Family<Label, Histogram>;

/// The upper ends of the buckets of [`timer`], in seconds.
const SECONDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

/// What a process shows of itself; clones share it.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
}

impl Metrics {
    /// The page of a `service` that depends on what `health` knows; `clients` register what they count, `own` what the
    /// service does.
    pub fn new(
        service: &'static str,
        health: &Health,
        clients: &[fn(&mut Registry)],
        own: impl FnOnce(&mut Registry),
    ) -> Self {
        let mut all = Registry::default();
        all.register_collector(Box::new(process::Process));
        let registry = all.sub_registry_with_prefix("tessera");
        let build = Info::new(vec![("service", service), ("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which service of which version this is", build);
        registry.register_collector(Box::new(Dependencies(health.clone())));
        super::panics::register(registry);
        clients.iter().for_each(|register| register(registry));
        own(registry);
        Self { registry: Arc::new(all) }
    }

    /// The page in the format of OpenMetrics.
    ///
    /// # Errors
    /// Never with the metrics that there are.
    pub fn page(&self) -> Result<String, fmt::Error> {
        let mut page = String::with_capacity(16 << 10);
        encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

/// Adds `/metrics` to a service's routes.
pub fn routes(metrics: Metrics) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.route(
            "/metrics",
            web::get().to(move |request: HttpRequest| std::future::ready(answer(&metrics, &request))),
        );
    }
}

fn answer(metrics: &Metrics, request: &HttpRequest) -> HttpResponse {
    let accept = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let is_open = text::wants_openmetrics(&accept.collect::<Vec<_>>().join(","));
    let mut response = HttpResponse::Ok();
    response.insert_header((header::VARY, "accept"));
    match metrics.page() {
        Ok(page) if is_open => response.content_type(CONTENT_TYPE).body(page),
        Ok(page) => response.content_type(text::CONTENT_TYPE).body(text::from_openmetrics(&page)),
        Err(error) => {
            tracing::error!(%error, "writing the page of metrics");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// A histogram of seconds, from half a millisecond to ten minutes.
pub fn timer() -> Histogram {
    Histogram::new(SECONDS)
}

/// Histograms as [`timer`] gives them, by a label.
pub fn timers() -> Timers {
    Family::new_with_constructor(timer)
}

#[derive(Debug)]
struct Dependencies(Health);

impl Collector for Dependencies {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let readiness = self.0.readiness();
        let ready = ConstGauge::new(i64::from(readiness.ready));
        ready.encode(encoder.encode_descriptor("ready", "Whether it can do its job", None, MetricType::Gauge)?)?;
        let help = "Whether what it depends on is there";
        let mut family = encoder.encode_descriptor("dependency_up", help, None, MetricType::Gauge)?;
        for (name, state) in &readiness.dependencies {
            let is_up = ConstGauge::new(i64::from(state == "ok"));
            is_up.encode(family.encode_family(&[("dependency", *name)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
