//! What stands between the service and strangers: real sockets, and every byte as a stranger would send it.
#![cfg(feature = "broker-tests")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use site::{FORM, Settings, Site, form};
use support::{Picture, Rig};

fn png() -> Vec<u8> {
    Picture::rgb(40, 30, 64, &["grayscale"]).png()
}

/// A request whose address line and lines of its head are as given.
fn ask(site: &Site, method: &str, target: &str, lines: &[&str]) -> site::Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    site.raw(format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n").as_bytes())
}

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
