//! What is printed while a job is followed: one line that moves, lines for a pipe, or JSON.
//!
//! Decides no outcome.

use serde_json::{Value, json};

use crate::job_wait::{News, tiles};
use crate::output;
use crate::progress::Progress;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// A line that moves, on a terminal.
    Line,
    /// Also a line for each new status, stage and tenth, on standard output.
    Lines,
    /// Every event, as a JSON object on a line of standard output.
    Json,
}

/// Prints what is heard of one job.
#[derive(Debug)]
pub struct Teller {
    telling: Telling,
    progress: Progress,
    last: String,
}

impl Teller {
    /// A teller that has said nothing yet.
    pub fn new(telling: Telling, progress: Progress) -> Self {
        Self { telling, progress, last: String::new() }
    }

    /// Tells news.
    pub fn tell(&mut self, news: News<'_>) {
        // A reader that has gone is no reason to stop following.
        let _ = match (self.telling, &news) {
            (Telling::Json, News::Event(event, _)) => {
                output::print_json(&json!({ "event": event.kind, "id": event.id, "data": event.data }))
            }
            (Telling::Json, News::Asked(job)) => output::print_json(&json!({ "event": "job", "data": job })),
            (Telling::Lines, News::Event(_, job) | News::Asked(job)) => self.line(job),
            _ => Ok(()),
        };
        self.progress.show(|| match news {
            News::Event(event, _) if event.kind == "waiting" => {
                output::field(&Value::Object(event.data.clone()), "detail")
            }
            News::Event(_, job) | News::Asked(job) => describe(job),
            News::Away(text) => text.to_owned(),
        });
    }

    fn line(&mut self, job: &Value) -> Result<(), crate::CtlError> {
        let mark = format!("{} {} {}", job["status"], job["stage"], percent(job) / 10);
        if job.is_null() || mark == self.last {
            return Ok(());
        }
        self.last = mark;
        self.progress.clear();
        output::print(&format!("{}  {}\n", output::field(job, "id"), describe(job)))
    }
}

/// A job's progress over all stages, in whole percents.
fn percent(job: &Value) -> u64 {
    let progress = job["progress"].as_f64().unwrap_or(0.0);
    // Between 0 and 100.
    (progress.clamp(0.0, 1.0) * 100.0) as u64
}

fn describe(job: &Value) -> String {
    let (received, total) = tiles(job);
    let mut text = format!("{}  {} %  {received} of {total} tiles", output::field(job, "status"), percent(job));
    let stages = job["stages"].as_array().map_or(1, Vec::len);
    if stages > 1 {
        text += &format!("  stage {} of {stages}", job["stage"].as_u64().unwrap_or(0) + 1);
    }
    if let Some(seconds) = job["eta_seconds"].as_u64() {
        text += &format!("  about {seconds} s left");
    }
    if let Some(notice) = job["notice"].as_str() {
        text += &format!("; {}", output::clean(notice));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_described_in_a_line() {
        let mut job = json!({"status": "processing", "progress": 0.629, "received_tiles": 5, "total_tiles": 20,
            "stage": 1, "stages": [{}, {}], "eta_seconds": 4});
        assert_eq!(describe(&job), "processing  62 %  5 of 20 tiles  stage 2 of 2  about 4 s left");
        job["stages"] = json!([{}]);
        job["eta_seconds"] = Value::Null;
        job["notice"] = "no \u{1b}worker".into();
        assert_eq!(describe(&job), "processing  62 %  5 of 20 tiles; no \u{fffd}worker");
    }
}
