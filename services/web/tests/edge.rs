//! What stands between the service and strangers: real sockets, and every byte as a stranger would send it.
#![cfg(feature = "broker-tests")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use site::peers::{Slow, ask, connect, endless, high_water_kib, honest, png, slow_head, slow_piece};
use site::{FORM, Settings, Site, complete, form, part};
use support::Rig;
use tessera::config::LimitArgs;
use tessera_web::config::HttpArgs;

#[tokio::test]
async fn h13_a_stranger_s_name_is_answered_by_no_page() {
    let rig = Rig::new().await;
    let site =
        Site::start(&rig, Settings { allowed_hosts: vec!["pictures.example".to_owned()], ..Settings::default() });
    let site = site.await;
    let job = site.upload("/api/v1/jobs", &form(b"secret.png", &png(), &["invert"])).job();
    let port = site.address.port();
    let stranger = format!("Host: evil.example:{port}");
    let paths =
        ["/", "/jobs", "/workers", "/static/style.css", "/healthz", "/readyz", "/metrics", "/api/v1/jobs", "/nothing"];
    let of_job = ["", "/events", "/original", "/result"].map(|rest| format!("/api/v1/jobs/{job}{rest}"));
    for path in paths.into_iter().chain(of_job.iter().map(String::as_str)) {
        // As a browser sends it after the stranger's name was given our address: name and origin agree.
        let answer = ask(&site, "GET", path, &[&stranger, &format!("Origin: http://evil.example:{port}")]);
        assert_eq!(answer.status, 421, "{path}: {}", answer.text());
        assert!(!answer.text().contains("secret.png") && answer.text().contains("TESSERA_ALLOWED_HOSTS"), "{path}");
    }
    for path in ["/", &format!("/jobs/{job}/cancel"), "/api/v1/jobs"] {
        let answer =
            ask(&site, "POST", path, &[&stranger, &format!("Origin: http://evil.example:{port}"), "Content-Length: 0"]);
        assert_eq!(answer.status, 421, "{path}: {}", answer.text());
    }
    let page = ask(&site, "GET", "/jobs", &["Host: <b>evil</b>", "Accept: text/html"]);
    assert!(page.status == 400 && !page.text().contains("<b>evil"), "{}", page.text());
    let page = ask(&site, "GET", "/jobs", &["Host: evil.example", "Accept: text/html"]).text();
    assert!(page.contains("evil.example") && page.contains("TESSERA_ALLOWED_HOSTS"), "{page}");

    let refused: [(&str, &[&str]); 7] = [
        ("/jobs", &[]),
        ("/jobs", &["Host: localhost", "Host: evil.example"]),
        ("/jobs", &["Host: evil.example", "X-Forwarded-Host: localhost"]),
        ("/jobs", &["Host: evil.example", "Forwarded: host=localhost"]),
        ("http://evil.example/jobs", &["Host: localhost"]),
        ("http://localhost/jobs", &["Host: evil.example"]),
        ("http://evil@localhost/jobs", &["Host: localhost"]),
    ];
    for (target, lines) in refused {
        let status = ask(&site, "GET", target, lines).status;
        assert!(matches!(status, 400 | 421), "{target} {lines:?}: {status}");
    }
    let ours = ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.3.2.1:80", "[::1]", "pictures.example:443"];
    for host in ours {
        assert_eq!(ask(&site, "GET", "/jobs", &[&format!("Host: {host}")]).status, 200, "{host}");
    }
    assert_eq!(ask(&site, "GET", "http://localhost/jobs", &["Host: localhost"]).status, 200);
    let body = form(b"a.png", &png(), &["invert"]);
    let headers = [FORM, ("Origin", "http://evil.example")];
    assert_eq!(site.call("POST", "/api/v1/jobs", &headers, &body).status, 403);
}

#[tokio::test]
async fn h12_an_honest_client_gets_in_beside_slow_senders_and_slow_readers() {
    const MOST: Duration = Duration::from_secs(5);
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["invert"])).job();
    let large = vec![7; 8 << 20];
    complete(&rig, &site.store, job, &large).await;
    let path = format!("/api/v1/jobs/{job}/result");
    for (many, chunked) in [(false, false), (true, true)] {
        let senders = Slow::senders(&site, 20, many, slow_head(&site, chunked), slow_piece(chunked));
        let readers = Slow::readers(&site, 500, many, path.clone());
        support::until("the upload places to be taken", async || {
            site.get("/metrics").text().lines().any(|line| {
                line.strip_prefix("tessera_uploads_open ").is_some_and(|open| open.parse::<f64>().unwrap() >= 12.0)
            })
        })
        .await;
        for _ in 0..5 {
            let (sent, read) = honest(&site, &path, large.len());
            assert!(sent < MOST && read < MOST, "sent in {sent:?}, read in {read:?}, from many addresses: {many}");
            println!("many {many}: sent in {sent:?}, read in {read:?}");
        }
        let (sent, read) = (senders.end(), readers.end());
        println!("many {many}: senders cut {sent} times, readers {read}; VmHWM {} KiB", high_water_kib());
        assert!(sent > 0, "one sender had to give way");
    }
    // The test's own sockets and pictures are in this process too.
    assert!(high_water_kib() <= 256 << 10, "{} KiB", high_water_kib());
}

#[tokio::test]
async fn a_reader_that_takes_too_little_is_cut_and_one_that_reads_on_is_not() {
    let rig = Rig::new().await;
    // So much that a reader of a few kilobytes a second is cut as soon as its patience ends.
    let http = HttpArgs { min_download_rate: 1 << 20, ..HttpArgs::default() };
    let site = Site::start(&rig, Settings { http, ..Settings::default() }).await;
    let job = site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["invert"])).job();
    let large = vec![7; 32 << 20];
    complete(&rig, &site.store, job, &large).await;
    let path = format!("/api/v1/jobs/{job}/result");
    let mut slow = connect(site.address, 0, Some(4096)).unwrap();
    write!(slow, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let begun = Instant::now();
    let cut = loop {
        match slow.read(&mut [0; 2048]) {
            Ok(0) => break begun.elapsed(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break begun.elapsed(),
            other => drop(other.unwrap()),
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "it is never cut");
        std::thread::sleep(Duration::from_millis(500));
    };
    println!("cut after {cut:?}");
    assert!(cut > Duration::from_secs(25), "it was given no patience: {cut:?}");
    assert_eq!(site.get(&path).body.len(), large.len());
}

#[tokio::test]
async fn h11_bodies_without_an_end_are_stopped_wherever_they_come() {
    let rig = Rig::new().await;
    let limits = LimitArgs { max_upload_bytes: 1 << 20, ..LimitArgs::default() };
    let site = Site::start(&rig, Settings { limits, ..Settings::default() }).await;
    let text = part(b"name=\"row_operation\"", b"").repeat(200);
    let other = part(b"name=\"x\"", &[b'y'; 1000]).repeat(20);
    let picture = [&b"--XX\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n"[..], &png()].concat();
    let whole = form(b"a.png", &png(), &["invert"]);
    let filler = vec![b'z'; 16_000];
    let cases: [(&str, &str, &[u8], &[u8]); 8] = [
        ("no boundary", "/api/v1/jobs", b"", &filler),
        ("text parts", "/api/v1/jobs", b"", &text),
        ("text parts that are ignored", "/upload", b"", &other),
        ("a part's header", "/api/v1/jobs", b"--XX\r\n", &filler),
        ("a text field", "/api/v1/jobs", b"--XX\r\nContent-Disposition: form-data; name=\"op\"\r\n\r\n", &filler),
        ("a picture", "/api/v1/jobs", &picture, &filler),
        ("an epilogue", "/api/v1/jobs", &whole, &filler),
        ("an unwanted body", "/api/v1/stats", b"", &filler),
    ];
    let send = |path: &str, begin: &[u8], again: &[u8]| endless(&site, path, begin, again);
    std::thread::scope(|scope| {
        let cases = cases.map(|(what, path, begin, again)| (what, scope.spawn(move || send(path, begin, again))));
        for (what, case) in cases {
            let (status, sent, took) = case.join().unwrap();
            println!("{what}: {status} after {took:?} and {sent} bytes");
            assert!(matches!(status.as_str(), "400" | "405" | "413"), "{what}: {status:?}");
        }
    });
    site.assert_empty(&rig, "endless bodies");
}
