//! The command and a service behind TLS, which the test plays with a certificate of its own authority.
//!
//! `fixtures/ca.pem` is the authority's certificate, `other.pem` that of another, `localhost.der` and
//! `localhost.key.der` are the service's; all are for these tests only and valid from 2020 to 2119.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn settings() -> ServerConfig {
    let certificate = CertificateDer::from(std::fs::read(fixture("localhost.der")).unwrap());
    let key = PrivatePkcs8KeyDer::from(std::fs::read(fixture("localhost.key.der")).unwrap());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    settings.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap()
}

/// Answers one request that ends with `until`, over TLS; gives what was asked, or nothing if there was no request.
fn answer_once(listener: &TcpListener, until: &[u8], status: &str, body: &str) -> String {
    let (socket, _) = listener.accept().unwrap();
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(settings())).unwrap(), socket);
    let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
    while !asked.ends_with(until) {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return String::new(),
            Ok(count) => asked.extend_from_slice(&piece[..count]),
        }
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream.flush().unwrap();
    String::from_utf8_lossy(&asked).into_owned()
}

/// Runs the command against a service that answers so; `authority` is what the machine trusts.
fn run(arguments: &[&str], authority: &Path, until: &'static [u8], answer: [&'static str; 2]) -> (Output, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let [status, body] = answer;
    let service = std::thread::spawn(move || answer_once(&listener, until, status, body));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.args(arguments).args(["--url", &url]).env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
    let output = command.output().unwrap();
    (output, service.join().unwrap())
}

#[test]
fn a_service_behind_tls_is_asked_and_sent_pictures() {
    let (output, asked) = run(&["workers"], &fixture("ca.pem"), b"\r\n\r\n", ["200 OK", r#"{"workers": []}"#]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(asked.starts_with("GET /api/v1/workers HTTP/1.1\r\n"), "{asked}");

    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    std::fs::write(&picture, vec![7; 300_000]).unwrap();
    let refusal = ["422 Unprocessable", r#"{"detail": "it is not a picture"}"#];
    let arguments = ["submit", picture.to_str().unwrap(), "--op", "invert"];
    let (output, asked) = run(&arguments, &fixture("ca.pem"), b"--\r\n", refusal);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("it is not a picture"), "{said}");
    assert!(asked.starts_with("POST /api/v1/jobs HTTP/1.1\r\n") && asked.len() > 300_000, "{}", asked.len());
}

#[test]
fn a_service_whose_certificate_is_not_trusted_is_sent_nothing() {
    let (output, asked) = run(&["workers"], &fixture("other.pem"), b"\r\n\r\n", ["200 OK", "{}"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), asked.as_str()), (Some(3), ""), "{said}");
    assert!(said.contains("certificate"), "{said}");
}
