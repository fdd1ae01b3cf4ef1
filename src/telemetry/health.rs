//! Health pages: `/healthz` says that the process lives, `/readyz` that it can do its job.
//!
//! Every dependency is named with its state, so that an operator sees which part is broken.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::head::head_as_get;
use super::hosts::{AllowedHosts, only_allowed};
use super::metrics::{self, Metrics};
use crate::config::ServiceArgs;

/// What a process knows of its dependencies; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    draining: bool,
    dependencies: BTreeMap<&'static str, Result<(), String>>,
    /// Since when each that was well is not.
    away: BTreeMap<&'static str, Instant>,
}

/// What changed with a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It is there for the first time.
    Ready,
    /// It went away.
    Away,
    /// It is back after so long.
    Back(Duration),
}

/// What `/readyz` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether the process can do its job.
    pub ready: bool,
    /// Whether it is stopping.
    pub draining: bool,
    /// Each dependency: `ok`, or what is wrong.
    pub dependencies: BTreeMap<&'static str, String>,
}

impl Health {
    /// A process that depends on `names`; each counts as not ready until it is set.
    pub fn new(names: &[&'static str]) -> Self {
        let health = Self::default();
        names.iter().for_each(|name| health.set(name, Err("not looked at yet".to_owned())));
        health
    }

    /// Says how dependency `name` is. An outage is logged once, and once more when it ends.
    pub fn set(&self, name: &'static str, now: Result<(), String>) {
        match self.change(name, now.clone(), Instant::now()) {
            Some(Change::Ready) => tracing::info!(dependency = name, "dependency is ready"),
            Some(Change::Back(after)) => {
                tracing::info!(dependency = name, "{name} is back after {} s", after.as_secs());
            }
            Some(Change::Away) => {
                let problem = now.err().unwrap_or_default();
                tracing::warn!(dependency = name, problem, "dependency is not ready");
            }
            None => {}
        }
    }

    fn change(&self, name: &'static str, now: Result<(), String>, at: Instant) -> Option<Change> {
        let mut state = self.state.lock();
        let is_well = now.is_ok();
        match (state.dependencies.insert(name, now).map(|before| before.is_ok()), is_well) {
            (Some(true), false) => {
                state.away.insert(name, at);
                Some(Change::Away)
            }
            (None, false) => Some(Change::Away),
            (Some(false), true) => {
                let since = state.away.remove(name);
                Some(since.map_or(Change::Ready, |since| Change::Back(at.saturating_duration_since(since))))
            }
            _ => None,
        }
    }

    /// The process is stopping: it is no longer ready.
    pub fn drain(&self) {
        self.state.lock().draining = true;
    }

    /// What `/readyz` answers now.
    pub fn readiness(&self) -> Readiness {
        let state = self.state.lock();
        let all_well = state.dependencies.values().all(Result::is_ok);
        let text = |state: &Result<(), String>| state.clone().map_or_else(|problem| problem, |()| "ok".to_owned());
        Readiness {
            ready: all_well && !state.draining,
            draining: state.draining,
            dependencies: state.dependencies.iter().map(|(name, state)| (*name, text(state))).collect(),
        }
    }

    /// Whether the process can do its job.
    pub fn is_ready(&self) -> bool {
        self.readiness().ready
    }
}

/// Adds `/healthz` and `/readyz` to a service's routes.
pub fn routes(health: Health) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .route("/healthz", web::get().to(async || HttpResponse::Ok().json(serde_json::json!({"status": "alive"}))))
            .route("/readyz", web::get().to(move || std::future::ready(answer(&health))));
    }
}

fn answer(health: &Health) -> HttpResponse {
    let readiness = health.readiness();
    let mut response = if readiness.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(readiness)
}

/// A listening health page. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct HealthPage {
    /// Where it listens.
    pub address: SocketAddr,
    file: AddressFile,
    serving: JoinHandle<io::Result<()>>,
}

/// Serves the health pages and `/metrics` on their own address until the process ends, and writes
/// `RUN_DIR/NAME.addr`.
///
/// # Errors
/// If the address cannot be bound or the file cannot be written. Must be called inside an actix system.
pub fn serve(health: &Health, metrics: &Metrics, service: &ServiceArgs, program: &str) -> io::Result<HealthPage> {
    let (health, metrics) = (health.clone(), metrics.clone());
    let hosts = web::Data::new(AllowedHosts::new(service.health_addr.ip(), &service.allowed_hosts));
    let app = move || {
        App::new()
            .app_data(hosts.clone())
            .wrap(from_fn(only_allowed))
            .wrap(from_fn(head_as_get))
            .configure(routes(health.clone()))
            .configure(metrics::routes(metrics.clone()))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind(service.health_addr)?;
    let address = server.addrs().first().copied().ok_or_else(|| io::Error::other("the health page has no address"))?;
    let file = AddressFile::write(&service.run_dir, &service.name_or(program), address)?;
    let serving = tokio::task::spawn_local(server.run());
    Ok(HealthPage { address, file, serving })
}

impl HealthPage {
    /// Whether it still listens.
    pub fn is_served(&self) -> bool {
        !self.serving.is_finished()
    }

    /// The file that holds the address.
    pub fn file(&self) -> &Path {
        &self.file.path
    }
}

/// `RUN_DIR/NAME.addr`: how other programs on this machine find a service; removed when dropped.
#[derive(Debug)]
pub struct AddressFile {
    path: PathBuf,
}

impl AddressFile {
    /// Writes `address`; the file appears whole.
    ///
    /// # Errors
    /// If the folder cannot be made or the file cannot be written.
    pub fn write(run_dir: &Path, name: &str, address: SocketAddr) -> io::Result<Self> {
        std::fs::create_dir_all(run_dir)?;
        let path = run_dir.join(format!("{name}.addr"));
        let partial = run_dir.join(format!(".{name}.addr.{}", std::process::id()));
        std::fs::write(&partial, format!("{address}\n"))?;
        std::fs::rename(&partial, &path)?;
        Ok(Self { path })
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        // If it is gone already, that is what was wanted.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_process_is_ready_when_all_it_needs_is_there_and_it_does_not_stop() {
        let health = Health::new(&["kafka", "redis"]);
        assert!(!health.is_ready());
        health.set("kafka", Ok(()));
        health.set("redis", Err("connection refused".to_owned()));
        assert_eq!(health.readiness().dependencies["redis"], "connection refused");
        health.set("redis", Ok(()));
        assert!(health.is_ready());
        health.drain();
        assert!(!health.is_ready());
    }

    #[test]
    fn an_outage_is_said_once_and_its_end_with_its_length() {
        let (health, begin) = (Health::new(&["kafka"]), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(health.change("kafka", Ok(()), at(0)), Some(Change::Ready));
        let away = || Err("no answer".to_owned());
        let said = (1..32).filter_map(|second| health.change("kafka", away(), at(second))).collect::<Vec<_>>();
        assert_eq!(said, [Change::Away]);
        assert_eq!(health.change("kafka", Ok(()), at(32)), Some(Change::Back(Duration::from_secs(31))));
        assert_eq!(health.change("kafka", Ok(()), at(33)), None);
    }

    #[actix_web::test]
    async fn head_is_answered_as_get_without_a_body() {
        let service = ServiceArgs::new("head", 1, std::env::temp_dir().join(format!("head-{}", std::process::id())));
        let health = Health::new(&[]);
        let page = serve(&health, &Metrics::new("test", &health, &[], |_| ()), &service, "head").unwrap();
        let ask = |method: &'static str, path: &'static str| {
            let address = page.address;
            actix_web::web::block(move || {
                use std::io::{Read, Write};
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
                (head, body)
            })
        };
        for path in ["/healthz", "/readyz", "/metrics"] {
            let (head, body) = ask("HEAD", path).await.unwrap();
            let (of_get, whole) = ask("GET", path).await.unwrap();
            assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{path}: {head} {body}");
            assert!(!whole.is_empty() && head.to_lowercase().contains("content-length: "), "{path}: {head}");
            assert_eq!(of_get.lines().next(), head.lines().next());
        }
    }

    #[actix_web::test]
    async fn the_page_says_which_part_is_broken() {
        let health = Health::new(&["kafka"]);
        let app = actix_web::test::init_service(App::new().configure(routes(health.clone()))).await;
        let ask = |path: &str| actix_web::test::TestRequest::get().uri(path).to_request();
        assert_eq!(actix_web::test::call_service(&app, ask("/healthz")).await.status(), 200);
        let answer = actix_web::test::call_service(&app, ask("/readyz")).await;
        assert_eq!(answer.status(), 503);
        let body = actix_web::test::read_body(answer).await;
        assert!(std::str::from_utf8(&body).unwrap().contains("not looked at yet"));
        health.set("kafka", Ok(()));
        assert_eq!(actix_web::test::call_service(&app, ask("/readyz")).await.status(), 200);
    }

    #[actix_web::test]
    async fn only_those_who_ask_by_our_own_name_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let service = ServiceArgs::new("a", 1, folder.path());
        let health = Health::new(&[]);
        let metrics = Metrics::new("a", &health, &[], |_| ());
        let address = serve(&health, &metrics, &service, "a").unwrap().address;
        let ask = |path: &'static str, host: &'static str| async move {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            answer
        };
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert!(ask(path, "localhost:1").await.starts_with("HTTP/1.1 200"), "{path}");
            let refused = ask(path, "evil.example").await;
            assert!(refused.starts_with("HTTP/1.1 421") && refused.contains("TESSERA_ALLOWED_HOSTS"), "{refused}");
        }
    }
}
