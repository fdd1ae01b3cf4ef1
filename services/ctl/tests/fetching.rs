//! What `tessera get` makes of answers that are not what was sent; the service is played by the test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use tessera::job::{Digest, JobId};

/// Fetches from a service that gives this answer.
fn get(folder: &Path, output: &str, answer: Vec<u8>) -> Output {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let _ = socket.write_all(&answer);
    });
    let id = JobId::random().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    let output = command.current_dir(folder).args(["get", &id, "-o", output, "--url", &url]).output().unwrap();
    service.join().unwrap();
    output
}

fn answer(body: &[u8], length: usize, digest: Digest) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nRepr-Digest: {}\r\n\r\n", digest.header());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_result_that_is_not_what_was_sent_leaves_no_file_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let whole = vec![7_u8; 200_000];
    let mut flipped = whole.clone();
    flipped[100_000] ^= 1;
    let good = get(path, "good.png", answer(&whole, whole.len(), Digest::of(&whole)));
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    assert_eq!(std::fs::read(path.join("good.png")).unwrap(), whole);
    let cases = [
        (answer(&flipped, whole.len(), Digest::of(&whole)), "SHA-256 differs"),
        (answer(&whole[..150_000], whole.len(), Digest::of(&whole)), "broke off"),
    ];
    for (answer, says) in cases {
        for name in ["new.png", "good.png"] {
            let output = get(path, name, answer.clone());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains(says), "{:?}: {said}", output.status);
        }
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 1, "nothing is left of it");
        assert_eq!(std::fs::read(path.join("good.png")).unwrap(), whole, "the old file was touched");
        assert!(!get(path, "-", answer).status.success(), "what is piped cannot be taken back, but is told");
    }
}
