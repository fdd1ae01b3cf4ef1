//! Requests to a system's pages and API.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{}: {}", self.status, self.text()))
    }
}

/// A client that follows no redirect and takes every status as an answer.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    pub base: String,
}

impl Client {
    pub fn new(address: impl std::fmt::Display) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // The machine's proxy has no business with a loopback address.
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(120)));
        Self { agent: config.build().into(), base: format!("http://{address}") }
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call()?)
    }

    pub fn post_empty(&self, path: &str) -> Result<Answer> {
        answer(self.agent.post(format!("{}{path}", self.base)).send_empty()?)
    }

    pub fn post(&self, path: &str, form: &Form, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.header("Content-Type", form.content_type()).send(&form.body())?)
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec()?;
    Ok(Answer { status, headers, body })
}

/// A multipart form, written by hand so that tests can send what no library would.
#[derive(Clone, Debug, Default)]
pub struct Form {
    parts: Vec<u8>,
}

const BOUNDARY: &str = "tessera-test-7d1f0c5b";

impl Form {
    /// A picture with operations.
    pub fn picture(name: &str, picture: &[u8], operations: &[&str]) -> Self {
        let mut form = Self::default();
        operations.iter().for_each(|operation| form.field("op", operation));
        form.file("image", name, picture);
        form
    }

    pub fn field(&mut self, name: &str, value: &str) {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        self.parts.extend(head.into_bytes());
    }

    /// Adds a file; `file_name` is written as it is, quotes and all.
    pub fn file(&mut self, name: &str, file_name: &str, content: &[u8]) {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: image/png\r\n\r\n"
        );
        self.parts.extend(head.into_bytes());
        self.parts.extend_from_slice(content);
        self.parts.extend(b"\r\n");
    }

    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    pub fn body(&self) -> Vec<u8> {
        [self.parts.as_slice(), format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
    }
}
