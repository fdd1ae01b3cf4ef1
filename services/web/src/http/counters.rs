//! What the pages and the API count for the page of metrics: requests by their answer, uploads by their end.
//!
//! Counts only; decides nothing. A path is not a label: clients can invent paths.

use std::sync::Arc;
use std::time::Duration;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use tessera::telemetry::metrics::{Counter, Counters, Histogram, Registry, Unit, read_gauge, timer};

use super::admission::Admission;
use super::problem::Problem;

/// Counters of one process; clones share them.
#[derive(Clone, Debug)]
pub struct WebCounters {
    requests: Counters,
    answers: Histogram,
    uploads: Counters,
    upload_times: Histogram,
    upload_bytes: Counter,
}

impl WebCounters {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let (requests, uploads) = (Counters::default(), Counters::default());
        for outcome in ["accepted", "refused", "put_off", "failed"] {
            drop(uploads.get_or_create(&[("outcome", outcome)]));
        }
        Self { requests, answers: timer(), uploads, upload_times: timer(), upload_bytes: Counter::default() }
    }

    /// Shows the counters on a page, with what admission knows.
    pub fn register(&self, registry: &mut Registry, admission: &Arc<Admission>) {
        registry.register("http_requests", "Requests by the class of their answer", self.requests.clone());
        let help = "From a request's head to its answer's head, bodies of uploads included";
        registry.register_with_unit("http_request", help, Unit::Seconds, self.answers.clone());
        registry.register("uploads", "Uploads by what became of them", self.uploads.clone());
        let help = "Receiving the body of an upload that was taken";
        registry.register_with_unit("upload", help, Unit::Seconds, self.upload_times.clone());
        registry.register_with_unit(
            "upload",
            "Bytes of pictures that were taken",
            Unit::Bytes,
            self.upload_bytes.clone(),
        );
        let of = admission.clone();
        read_gauge(registry, "uploads_open", "Uploads under way", move || of.uploads() as u64);
        let of = admission.clone();
        read_gauge(registry, "unfinished_jobs", "Jobs that wait or run, at the last look", move || {
            of.unfinished_jobs()
        });
    }

    /// An upload of `bytes` was taken in `time`.
    pub fn received(&self, bytes: u64, time: Duration) {
        self.upload_bytes.inc_by(bytes);
        self.upload_times.observe(time.as_secs_f64());
    }

    /// An upload has come to its end.
    pub fn upload_ended<T>(&self, outcome: &Result<T, Problem>) {
        let word = match outcome.as_ref().map_err(ResponseError::status_code) {
            Ok(_) => "accepted",
            Err(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => "put_off",
            Err(status) if status.is_client_error() => "refused",
            Err(_) => "failed",
        };
        self.uploads.get_or_create(&[("outcome", word)]).inc();
    }

    /// A request was answered after `time`.
    pub fn answered(&self, status: StatusCode, time: Duration) {
        let class = match status.as_u16() {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.requests.get_or_create(&[("status", class)]).inc();
        self.answers.observe(time.as_secs_f64());
    }
}

impl Default for WebCounters {
    fn default() -> Self {
        Self::new()
    }
}
