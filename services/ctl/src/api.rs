//! The running system's HTTP API, as this command uses it.
//!
//! Turns answers into errors: 4xx is wrong use, 429 and 503 a service that cannot work now.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body, BodyReader};

use crate::CtlError;
use crate::multipart::Upload;
use crate::output;
use crate::post::post;
use crate::progress::Progress;

/// The address of the running system.
#[derive(clap::Args, Clone, Debug)]
pub struct UrlArgs {
    /// Address of the running system.
    #[arg(long, global = true, env = "TESSERA_URL", default_value = "http://127.0.0.1:5001", value_name = "URL")]
    pub url: String,
}

/// A client of one address.
#[derive(Debug)]
pub struct Api {
    agent: Agent,
    base: String,
}

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long a stream of events may be silent.
const EVENT_LIMIT: Duration = Duration::from_secs(45);
const LONGEST_JSON_BYTES: u64 = 64 << 20;

impl Api {
    /// A client of `args.url`; connects when first used.
    pub fn new(args: &UrlArgs) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_LIMIT))
            .timeout_recv_response(Some(ANSWER_LIMIT))
            .proxy(None)
            .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), base: args.url.trim_end_matches('/').to_owned() }
    }

    /// The address as it was given.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Gets a JSON document under `/api/v1`.
    pub fn get(&self, path: &str) -> Result<Value, CtlError> {
        let answer = self.agent.get(format!("{}/api/v1{path}", self.base)).header("accept", "application/json").call();
        self.json(answer)
    }

    /// Posts to `path` under `/api/v1`, without a body.
    pub fn post(&self, path: &str) -> Result<(), CtlError> {
        self.done(self.agent.post(format!("{}/api/v1{path}", self.base)).send_empty())
    }

    /// Deletes what is at `path` under `/api/v1`.
    pub fn delete(&self, path: &str) -> Result<(), CtlError> {
        self.done(self.agent.delete(format!("{}/api/v1{path}", self.base)).call())
    }

    fn done(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<(), CtlError> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() { Ok(()) } else { Err(refused(&mut answer)) }
    }

    /// Whether an address outside the API answers with success, and what it says.
    pub fn probe(&self, path: &str) -> Result<(bool, String), CtlError> {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let is_fine = answer.status().is_success();
        let text = answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
        Ok((is_fine, text))
    }

    /// Sends a picture: streamed, of any size, its progress shown by `progress`. Answers the body of the 202.
    pub fn submit(&self, picture: &Path, fields: &[(&str, String)], progress: Progress) -> Result<Value, CtlError> {
        let mut upload = Upload::open(picture, fields, progress)?;
        let answer = post(&self.base, "/api/v1/jobs", &mut upload).map_err(|error| self.unreachable(&error))?;
        if !(200..300).contains(&answer.status) {
            return Err(refusal(answer.status, answer.retry_after.as_deref(), &answer.text));
        }
        serde_json::from_str(&answer.text)
            .map_err(|error| CtlError::Failed(format!("reading the answer of {}: {error}", self.base)))
    }

    /// The stream of a job's events, after the one called `last_id`; `None` if the job has ended and that was it.
    pub fn events(&self, id: &str, last_id: Option<&str>) -> Result<Option<BodyReader<'static>>, CtlError> {
        let mut request = self.agent.get(format!("{}/api/v1/jobs/{id}/events", self.base));
        // The system sends a comment when there is nothing else; one that sends nothing has gone.
        request = request.config().timeout_per_read(Some(EVENT_LIMIT)).build().header("accept", "text/event-stream");
        if let Some(last_id) = last_id {
            request = request.header("last-event-id", last_id);
        }
        let mut answer = request.call().map_err(|error| self.unreachable(&error))?;
        match answer.status().as_u16() {
            200 => Ok(Some(answer.into_body().into_reader())),
            204 => Ok(None),
            _ => Err(refused(&mut answer)),
        }
    }

    /// The answer to a GET of a file under `/api/v1`, its body not yet read.
    pub fn open(&self, path: &str) -> Result<Response<Body>, CtlError> {
        let answer = self.agent.get(format!("{}/api/v1{path}", self.base)).call();
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(refused(&mut answer)) }
    }

    fn json(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Value, CtlError> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        if !answer.status().is_success() {
            return Err(refused(&mut answer));
        }
        let text = answer.body_mut().with_config().limit(LONGEST_JSON_BYTES).read_json();
        text.map_err(|error| CtlError::Failed(format!("reading the answer of {}: {error}", self.base)))
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> CtlError {
        CtlError::Unreachable(format!(
            "asking {}: {error}; is it running there (ops/status), or is another address needed (--url, TESSERA_URL)?",
            self.base
        ))
    }
}

/// What a refusal says: its status, when to come again, and its text.
fn refused(answer: &mut Response<Body>) -> CtlError {
    let retry = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
    refusal(answer.status().as_u16(), retry.as_deref(), &text)
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
