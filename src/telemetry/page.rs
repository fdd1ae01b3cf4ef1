//! The page of a service that serves nothing else: its health and its metrics, on an address of their own.
//!
//! Owns the listener, and the file by which other programs on this machine find it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;

use super::head::head_as_get;
use super::health::{self, Health};
use super::hosts::{AllowedHosts, only_allowed};
use super::metrics::{self, Metrics};
use crate::config::ServiceArgs;

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
            .configure(health::routes(health.clone()))
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
