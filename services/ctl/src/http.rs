//! Requests over HTTP, plain or behind TLS, for a program that waits for each answer.
//!
//! Owns the client, its limits and the runtime it runs on. An answer that comes before a body has gone out is heard
//! unless the connection is reset with it.
//! Knows no address of the API and judges no status.

use std::error::Error;
use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::stream;
use parking_lot::Mutex;
use reqwest::{Body, Client, Method, RequestBuilder, Response};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::multipart::Upload;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection may be silent in the middle of an answer.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
const CHUNK_BYTES: usize = 64 << 10;

/// A client; what it needs is set up when it is first used.
#[derive(Debug, Default)]
pub struct Http {
    plain: OnceLock<Link>,
    secure: OnceLock<Link>,
}

/// A client with the runtime that its requests run on. Clones share both.
#[derive(Clone, Debug)]
struct Link {
    client: Client,
    runtime: Arc<Runtime>,
}

/// An answer whose body is read as it comes.
#[derive(Debug)]
pub struct Answer {
    response: Response,
    runtime: Arc<Runtime>,
    rest: Bytes,
    silence: Duration,
}

impl Http {
    /// Sends a request without a body; gives what is answered within `limit`.
    ///
    /// # Errors
    /// The cause, in words, if there is no answer.
    pub fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)], limit: Duration) -> Result<Answer, String> {
        let link = self.link(url)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = link.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answered = async { tokio::time::timeout(limit, request.send()).await };
        match link.runtime.block_on(answered) {
            Ok(response) => Ok(link.answer(response.map_err(|error| cause(&error))?)),
            Err(_) => Err(format!("it did not answer within {} s", limit.as_secs())),
        }
    }

    /// Posts `upload`. The other side may take nothing, or say nothing once it has all, for `limit`.
    ///
    /// # Errors
    /// The cause, in words, if there is no answer.
    pub fn send(&self, url: &str, upload: Upload, limit: Duration) -> Result<Answer, String> {
        let link = self.link(url)?;
        let (content_type, length) = (upload.content_type(), upload.length());
        let moved = Arc::new(Mutex::new(None));
        let request = link.client.post(url).header("accept", "application/json").header("content-type", content_type);
        let request = request.header("content-length", length).body(body(upload, Arc::clone(&moved)));
        let response = link.runtime.block_on(async { answered(request, &moved, limit).await })?;
        Ok(link.answer(response))
    }

    fn link(&self, url: &str) -> Result<&Link, String> {
        let is_secure = url.starts_with("https://");
        let link = if is_secure { &self.secure } else { &self.plain };
        if let Some(link) = link.get() {
            return Ok(link);
        }
        let made = Link::new(is_secure)?;
        Ok(link.get_or_init(|| made))
    }
}

impl Link {
    fn new(is_secure: bool) -> Result<Self, String> {
        // One that is installed already does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .no_proxy()
            // Between two requests the runtime stands still: it would not see that a connection has ended.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("tessera/", env!("CARGO_PKG_VERSION")));
        if !is_secure {
            // The system's certificates are not needed, and need not be there.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| cause(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = Arc::new(runtime.map_err(|error| format!("starting a runtime: {error}"))?);
        Ok(Self { client, runtime })
    }

    fn answer(&self, response: Response) -> Answer {
        Answer { response, runtime: Arc::clone(&self.runtime), rest: Bytes::new(), silence: SILENCE_LIMIT }
    }
}

/// The body of an upload; `moved` is set whenever more of it is wanted.
fn body(mut upload: Upload, moved: Arc<Mutex<Option<Instant>>>) -> Body {
    let chunks = std::iter::from_fn(move || {
        *moved.lock() = Some(Instant::now());
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = upload.read(&mut chunk).map(|count| {
            chunk.truncate(count);
            Bytes::from(chunk)
        });
        read.map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty())).transpose()
    });
    Body::wrap_stream(stream::iter(chunks))
}

/// Waits for the answer as long as the body moves, and for `limit` after it has last moved.
async fn answered(
    request: RequestBuilder,
    moved: &Mutex<Option<Instant>>,
    limit: Duration,
) -> Result<Response, String> {
    let mut sent = std::pin::pin!(request.send());
    let begun = Instant::now();
    loop {
        let last = moved.lock().unwrap_or(begun);
        tokio::select! {
            response = &mut sent => return response.map_err(|error| cause(&error)),
            () = tokio::time::sleep_until(last + limit) => {
                if moved.lock().unwrap_or(begun) == last {
                    return Err(format!("it took nothing and did not answer for {} s", limit.as_secs()));
                }
            }
        }
    }
}

/// What lies at the bottom of an error: the layers above only say that there was one.
fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        self.response.status().is_success()
    }

    /// A header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The length of the body, if it was said.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The same, whose body may be silent for `limit`.
    pub fn within(self, limit: Duration) -> Self {
        Self { silence: limit, ..self }
    }

    /// The body as text, at most `most` bytes of it.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn text(&mut self, most: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let next = async { tokio::time::timeout(self.silence, self.response.chunk()).await };
            let chunk = self.runtime.block_on(next).map_err(|_| io::ErrorKind::TimedOut)?;
            match chunk.map_err(|error| io::Error::other(cause(&error)))? {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
