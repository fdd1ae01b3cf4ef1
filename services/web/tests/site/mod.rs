//! A web service on a thread of its own, and a plain HTTP client whose every byte a test decides.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod bridge;
pub mod peers;
pub mod stream;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use tessera::config::{LimitArgs, ServiceArgs};
use tessera::job::{EndMarker, JobId, JobStatus, Token};
use tessera::state::{Claim, Mark, Marked};
use tessera::store::{Object, Store};
use tessera::telemetry::Shutdown;
use tessera::telemetry::shutdown::ShutdownHandle;
use tessera_web::config::HttpArgs;
use tessera_web::{Config, http};

use crate::support::{Rig, until};

/// What a test may set.
#[derive(Default)]
pub struct Settings {
    pub limits: LimitArgs,
    pub http: HttpArgs,
    /// Another address of Redis than the rig's.
    pub redis_url: Option<String>,
    /// Names beside those that are always ours.
    pub allowed_hosts: Vec<String>,
    /// How long it may take to stop, if not as always.
    pub drain_seconds: Option<u64>,
}

/// The running service.
pub struct Site {
    pub address: SocketAddr,
    pub store: Store,
    shutdown: Option<ShutdownHandle>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Starts it and waits until it says that it is ready.
    pub async fn start(rig: &Rig, settings: Settings) -> Self {
        let Settings { limits, http: mut http_args, redis_url, allowed_hosts, drain_seconds } = settings;
        http_args.http_addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut redis = rig.redis.clone();
        redis.redis_url = redis_url.unwrap_or(redis.redis_url);
        let drain_seconds = drain_seconds.unwrap_or(rig.service("web").drain_seconds);
        let config = Config {
            http: http_args,
            service: ServiceArgs { allowed_hosts, drain_seconds, ..rig.service("web") },
            kafka: rig.kafka.clone(),
            redis,
            store: rig.store.clone(),
            limits,
        };
        let (handle, shutdown) = Shutdown::new();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let ready = move |address| tell.send(address).expect("telling the address");
            let served = actix_web::rt::System::new().block_on(http::run(config, shutdown, ready));
            served.expect("serving");
        });
        let address = told.recv_timeout(Duration::from_secs(20)).expect("the service's address");
        let store = Store::open(&rig.store).expect("opening the store");
        let site = Self { address, store, shutdown: Some(handle), thread: Some(thread) };
        until("the service to be ready", async || site.get("/readyz").status == 200).await;
        site
    }

    /// Sends bytes as they are and reads the answer.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut socket = self.connect();
        // An early refusal may end the connection while the rest is on its way.
        let _ = socket.write_all(request);
        Answer::read(&mut socket)
    }

    pub fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).expect("connecting");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("setting a time limit");
        socket
    }

    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.raw(&[self.head(method, path, headers, body.len()), body.to_vec()].concat())
    }

    /// The head of a request with a body of `length` bytes.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
        head.into_bytes()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], b"")
    }

    pub fn upload(&self, path: &str, form: &[u8]) -> Answer {
        self.call("POST", path, &[FORM], form)
    }

    /// Nothing of any upload is in the store, unfinished files included.
    pub fn assert_empty(&self, rig: &Rig, what: &str) {
        let left = files(&rig.folder.path().join("store"));
        assert_eq!(left, Vec::<String>::new(), "{what}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the service ended badly");
        }
    }
}

/// All files below a folder.
pub fn files(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("reading a folder").path());
    // The store's own name is no job's file.
    let paths = paths.filter(|path| !path.ends_with("store-id"));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] }).collect()
}

/// The header of every form here.
pub const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=XX");

/// A form's part.
pub fn part(disposition: &[u8], body: &[u8]) -> Vec<u8> {
    [b"--XX\r\nContent-Disposition: form-data; ", disposition, b"\r\n\r\n", body, b"\r\n"].concat()
}

/// A form with a picture of that name and operations.
pub fn form(name: &[u8], picture: &[u8], operations: &[&str]) -> Vec<u8> {
    let mut form = part(&[b"name=\"image\"; filename=\"", name, b"\""].concat(), picture);
    for operation in operations {
        form.extend(part(b"name=\"op\"", operation.as_bytes()));
    }
    form.extend_from_slice(b"--XX--\r\n");
    form
}

/// An answer as it was read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads to the end of the connection.
    pub fn read(socket: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut chunk = [0; 65_536];
        loop {
            match socket.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                // What came before the connection was cut is the answer.
                Err(_) if !bytes.is_empty() => break,
                Err(error) => panic!("reading an answer: {error}"),
            }
        }
        let _ = socket.shutdown(Half::Both);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head of text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self { status, headers: lines.filter_map(header).collect(), body: bytes[end + 4..].to_vec() }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The job that was accepted.
    pub fn job(&self) -> JobId {
        assert_eq!(self.status, 202, "{}", self.text());
        self.json()["id"].as_str().expect("an id").parse().expect("a job id")
    }
}

/// Does what splitter, worker and stitcher do to a job of one tile, with `result` as its bytes.
pub async fn complete(rig: &Rig, store: &Store, job: JobId, result: &[u8]) {
    let state = &rig.state;
    state.lease(job, &Token::random(), "rig").await.unwrap();
    let claim = state.claim(job, 0, &Token::random(), &Token::random(), "rig").await.unwrap();
    let (Claim::Held { token } | Claim::Cleared { token, .. }) = claim else { panic!("{claim:?}") };
    let mark = Mark { job, stage: 0, token: token.clone(), index: 0, worker_number: 1, attempt: 1, run_ms: 2.0 };
    assert_eq!(state.mark(&[mark]).await.unwrap(), [Marked::Complete]);
    assert!(state.finishing(job, &token).await.unwrap().is_so());
    let object = Object::Result { job, token: token.clone(), ext: "png".to_owned() };
    store.put(&object, result.to_vec().into()).await.unwrap();
    let end = EndMarker {
        job,
        run: 1,
        status: JobStatus::Done,
        reason: None,
        final_filename: Some(object.to_string()),
        bytes_out: result.len() as u64,
        digest: Some(tessera::job::Digest::of(result)),
        notices: Vec::new(),
        finished_at: tessera::time::now(),
    };
    assert!(state.done(job, &token, &end, Duration::from_secs(60)).await.unwrap().is_so());
}
