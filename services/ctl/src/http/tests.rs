use std::io::Write;
use std::net::TcpListener;

use super::*;
use crate::progress::Progress;

fn large() -> (tempfile::TempDir, Upload) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
    let upload = Upload::open(&path, &[], Progress::silent()).unwrap();
    (folder, upload)
}

#[test]
fn a_refusal_in_the_middle_of_the_body_is_heard() {
    let (_folder, upload) = large();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let refuser = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.read_exact(&mut [0; 1000]).unwrap();
        socket.write_all(b"HTTP/1.1 413 Too Large\r\nRetry-After: 7\r\nContent-Length: 8\r\n\r\ntoo much").unwrap();
        // As our service and proxies do, it takes the rest for a while and throws it away.
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    });
    let http = Http::default();
    let mut answer = http.send(&url, upload, SILENCE_LIMIT).unwrap();
    let said = (answer.status(), answer.header("retry-after").map(str::to_owned), answer.text(100).unwrap());
    drop((answer, http));
    refuser.join().unwrap();
    assert_eq!(said, (413, Some("7".to_owned()), "too much".to_owned()));
}

#[test]
fn a_service_that_takes_nothing_is_given_up() {
    let (_folder, upload) = large();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let error = Http::default().send(&url, upload, Duration::from_millis(200)).unwrap_err();
    assert!(error.contains("took nothing"), "{error}");
}

#[test]
fn the_cause_is_said_without_its_wrapping() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    drop(listener);
    let error = Http::default().ask("GET", &url, &[], SILENCE_LIMIT).unwrap_err();
    assert!(error.starts_with("Connection refused"), "{error}");
}
