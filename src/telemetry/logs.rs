//! Log lines: for people or as JSON, filtered by `RUST_LOG`, to standard error.
//!
//! What is about a job is logged inside a span with its fields: `trace_id`, `job` and, where they apply, `stage`,
//! `tile`, `attempt`, `partition` and `offset`. Spans are not nested: in JSON only the innermost is shown, as `span`.

use std::ffi::OsStr;
use std::io::IsTerminal;

use tracing::field::{DisplayValue, display};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use crate::config::{LogFormat, variables};
use crate::job::TraceContext;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,actix_server=warn,rdkafka=off,librdkafka=off";

/// Starts logging, panics included. A second call in a process (as in tests) changes nothing.
pub fn init(format: LogFormat) {
    let colours = has_colours(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let started = match format {
        LogFormat::Text => registry().with(filter()).with(lines.with_target(false)).try_init(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            registry().with(filter()).with(lines).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
        return;
    }
    super::panics::watch();
    for unknown in variables::unknown() {
        tracing::warn!("{unknown}");
    }
}

/// Whether lines are coloured: for people at a terminal, unless they ask for none (<https://no-color.org>).
fn has_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Levels for all and for targets, as `info,tessera_worker=debug`. What cannot be read is as if it were not there.
fn filter() -> Targets {
    let given = std::env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty());
    let given = given.and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| DEFAULT_FILTER.parse().unwrap_or_default())
}

/// The field `trace_id` of a span.
pub fn trace_id(trace: Option<&TraceContext>) -> Option<DisplayValue<String>> {
    trace.map(|trace| display(trace.id()))
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn colours_are_for_terminals_alone() {
        assert!(has_colours(true, None) && has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(false, None) && !has_colours(true, Some(OsStr::new("1"))));
    }

    #[test]
    fn by_default_the_clients_are_silent_and_everything_else_tells_what_it_does() {
        let filter: Targets = DEFAULT_FILTER.parse().unwrap();
        assert!(
            filter.would_enable("tessera::bus", &Level::INFO) && !filter.would_enable("tessera::bus", &Level::DEBUG)
        );
        assert!(
            filter.would_enable("actix_server", &Level::WARN) && !filter.would_enable("actix_server", &Level::INFO)
        );
        assert!(!filter.would_enable("rdkafka", &Level::ERROR) && !filter.would_enable("librdkafka", &Level::ERROR));
    }
}
