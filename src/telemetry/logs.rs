//! Log lines: for people or as JSON, filtered by `RUST_LOG`, to standard error.
//!
//! What is about a job is logged inside a span with its fields: `trace_id`, `job` and, where they apply, `stage`,
//! `tile`, `attempt`, `partition` and `offset`. Spans are not nested: in JSON only the innermost is shown, as `span`.

use tracing::field::{DisplayValue, display};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::LogFormat;
use crate::job::TraceContext;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,actix_server=warn,rdkafka=off,librdkafka=off";

/// Starts logging, panics included. A second call in a process (as in tests) changes nothing.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    if started.is_err() {
        return tracing::debug!("logging had been started before");
    }
    super::panics::watch();
}

/// The field `trace_id` of a span.
pub fn trace_id(trace: Option<&TraceContext>) -> Option<DisplayValue<String>> {
    trace.map(|trace| display(trace.id()))
}
