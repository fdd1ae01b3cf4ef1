//! The running system's HTTP API, as this command uses it.
//!
//! Turns answers into errors: 4xx is wrong use, 429 and 503 a service that cannot work now.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::CtlError;
use crate::http::{Answer, Http};
use crate::multipart::Upload;
use crate::output;
use crate::post::post;
use crate::progress::Progress;

/// The address of the running system.
#[derive(clap::Args, Clone, Debug)]
pub struct UrlArgs {
    /// Address of the running system, http:// or https://.
    #[arg(long, global = true, env = "TESSERA_URL", default_value = "http://127.0.0.1:5001", value_name = "URL")]
    pub url: String,
}

/// A client of one address.
#[derive(Debug)]
pub struct Api {
    http: Http,
    base: String,
}

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long a stream of events may be silent.
const EVENT_LIMIT: Duration = Duration::from_secs(45);
const LONGEST_JSON_BYTES: u64 = 64 << 20;
const LONGEST_TEXT_BYTES: u64 = 64 << 10;

impl Api {
    /// A client of `args.url`; connects when first used.
    pub fn new(args: &UrlArgs) -> Self {
        Self { http: Http::default(), base: args.url.trim_end_matches('/').to_owned() }
    }

    /// The address as it was given.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Gets a JSON document under `/api/v1`.
    pub fn get(&self, path: &str) -> Result<Value, CtlError> {
        let mut answer =
            self.granted(self.ask("GET", &format!("/api/v1{path}"), &[("accept", "application/json")])?)?;
        let text = answer.text(LONGEST_JSON_BYTES).map_err(|error| self.unreadable(&error))?;
        serde_json::from_str(&text).map_err(|error| self.unreadable(&error))
    }

    /// Posts to `path` under `/api/v1`, without a body.
    pub fn post(&self, path: &str) -> Result<(), CtlError> {
        self.granted(self.ask("POST", &format!("/api/v1{path}"), &[("content-length", "0")])?).map(drop)
    }

    /// Deletes what is at `path` under `/api/v1`.
    pub fn delete(&self, path: &str) -> Result<(), CtlError> {
        self.granted(self.ask("DELETE", &format!("/api/v1{path}"), &[])?).map(drop)
    }

    /// Whether an address outside the API answers with success, and what it says.
    pub fn probe(&self, path: &str) -> Result<(bool, String), CtlError> {
        let mut answer = self.ask("GET", path, &[])?;
        let text = answer.text(LONGEST_TEXT_BYTES).unwrap_or_default();
        Ok((answer.is_success(), text))
    }

    /// Sends a picture: streamed, of any size, its progress shown by `progress`. Answers the body of the 202.
    pub fn submit(&self, picture: &Path, fields: &[(&str, String)], progress: Progress) -> Result<Value, CtlError> {
        let mut upload = Upload::open(picture, fields, progress)?;
        let text = if self.base.starts_with("https://") {
            let url = format!("{}/api/v1/jobs", self.base);
            let answer = self.http.send(&url, upload, ANSWER_LIMIT).map_err(|cause| self.unreachable(&cause))?;
            self.granted(answer)?.text(LONGEST_JSON_BYTES).map_err(|error| self.unreadable(&error))?
        } else {
            // Hears an answer also where the connection is reset right after it, which the client library does not.
            let answer = post(&self.base, "/api/v1/jobs", &mut upload);
            let answer = answer.map_err(|error| self.unreachable(&error.to_string()))?;
            if !(200..300).contains(&answer.status) {
                return Err(refusal(answer.status, answer.retry_after.as_deref(), &answer.text));
            }
            answer.text
        };
        serde_json::from_str(&text).map_err(|error| self.unreadable(&error))
    }

    /// The stream of a job's events, after the one called `last_id`; `None` if the job has ended and that was it.
    pub fn events(&self, id: &str, last_id: Option<&str>) -> Result<Option<Answer>, CtlError> {
        let last_id = last_id.map(|id| ("last-event-id", id));
        let headers: Vec<_> = [("accept", "text/event-stream")].into_iter().chain(last_id).collect();
        let answer = self.ask("GET", &format!("/api/v1/jobs/{id}/events"), &headers)?;
        if answer.status() == 204 {
            return Ok(None);
        }
        // The system sends a comment when there is nothing else; one that sends nothing has gone.
        Ok(Some(self.granted(answer)?.within(EVENT_LIMIT)))
    }

    /// The answer to a GET of a file under `/api/v1`, its body not yet read.
    pub fn open(&self, path: &str) -> Result<Answer, CtlError> {
        self.granted(self.ask("GET", &format!("/api/v1{path}"), &[])?)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer, CtlError> {
        let url = format!("{}{path}", self.base);
        self.http.ask(method, &url, headers, ANSWER_LIMIT).map_err(|cause| self.unreachable(&cause))
    }

    /// An answer of success; what a refusal says, otherwise.
    fn granted(&self, mut answer: Answer) -> Result<Answer, CtlError> {
        if answer.is_success() {
            return Ok(answer);
        }
        let text = answer.text(LONGEST_TEXT_BYTES).unwrap_or_default();
        Err(refusal(answer.status(), answer.header("retry-after"), &text))
    }

    fn unreadable(&self, error: &dyn std::fmt::Display) -> CtlError {
        CtlError::Failed(format!("reading the answer of {}: {error}", self.base))
    }

    fn unreachable(&self, cause: &str) -> CtlError {
        CtlError::Unreachable(format!(
            "asking {}: {cause}; is it running there (ops/status), or is another address needed (--url, TESSERA_URL)?",
            self.base
        ))
    }
}

/// The `detail` of a problem document, else its text.
fn refusal(status: u16, retry_after: Option<&str>, text: &str) -> CtlError {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let said = ["detail", "error", "title"].iter().find_map(|name| problem[*name].as_str());
    let said = output::clean(said.unwrap_or(text.trim()));
    match status {
        429 | 500.. => match retry_after.and_then(|seconds| seconds.trim().parse().ok()) {
            Some(seconds) => CtlError::Busy { text: format!("{said} (HTTP {status})"), seconds },
            None => CtlError::Unreachable(format!("{said} (HTTP {status})")),
        },
        404 | 409 | 410 => CtlError::Failed(said),
        _ => CtlError::Usage(format!("{said} (HTTP {status})")),
    }
}

/// What a job or an answer calls the job.
pub fn id_of(job: &Value) -> &str {
    job["id"].as_str().unwrap_or_default()
}
