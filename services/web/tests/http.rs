//! Pages and API on a real Kafka and Redis: what is taken, what is refused, and that refusals leave nothing.
#![cfg(feature = "broker-tests")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use site::{FORM, Settings, Site, complete, form, part};
use support::{Picture, Rig};
use tessera::bus::Topic;
use tessera::bus::records::JobCommand;
use tessera::config::LimitArgs;
use tessera::job::JobStatus;
use tessera::store::Object;
use tessera_web::config::HttpArgs;

/// The only script that pages may have: ours, of a file.
const SCRIPT: &str = "<script src=\"/static/live.js\" defer></script>";

fn png() -> Vec<u8> {
    Picture::rgb(40, 30, 64, &["grayscale"]).png()
}

#[tokio::test]
async fn an_upload_is_stored_announced_and_queued() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let answer = site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["grayscale", "gaussian_blur:ksize=5"]));
    let job = answer.job();
    assert_eq!(answer.headers["location"], format!("/api/v1/jobs/{job}"));
    assert_eq!(answer.json()["result"], format!("/api/v1/jobs/{job}/result"));
    assert!(answer.json()["notice"].as_str().unwrap().contains("no worker is alive"));
    let view = rig.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.status, view.total_tiles, view.bytes_in), (JobStatus::Queued, 1, png().len() as u64));
    assert_eq!(rig.state.ready_jobs(5).await.unwrap(), [job]);
    assert_eq!(site.store.get(&Object::Original(job)).await.unwrap().unwrap(), png());
    let manifest = site.store.manifest(job).await.unwrap().unwrap();
    assert_eq!((manifest.operations.len(), manifest.plan.input.size.width), (2, 40));
    let records = rig.all(Topic::Jobs);
    let commands: Vec<JobCommand> =
        records.iter().map(|record| JobCommand::decode(&record.headers, &record.payload).unwrap()).collect();
    assert_eq!(commands, [JobCommand::Accepted { job }]);
    let page = site.get(&format!("/jobs/{job}")).text();
    assert!(page.contains("no worker is alive") && page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(site.get("/jobs").text().contains("a.png"));
}

#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["grayscale"])).job();
    let job_page = format!("/jobs/{job}");
    let api =
        [format!("/api/v1/jobs/{job}"), format!("/api/v1/jobs/{job}/original"), format!("/api/v1/jobs/{job}/tiles")];
    let pages = ["/", "/jobs", "/workers", "/static/live.js", "/healthz", "/metrics", "/nowhere"];
    let lists = ["/api/v1/jobs", "/api/v1/operations", "/api/v1/workers", "/api/v1/stats"];
    let paths = pages.into_iter().chain(lists).chain(api.iter().map(String::as_str)).chain([job_page.as_str()]);
    for path in paths {
        let (get, head) = (site.get(path), site.call("HEAD", path, &[], b""));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.headers.get("content-type"), get.headers.get("content-type"), "{path}");
        assert!(head.body.is_empty() && head.headers.contains_key("content-length"), "{path}");
    }
    assert_eq!(site.call("HEAD", "/upload", &[], b"").status, 405);
}

#[tokio::test]
async fn refusals_name_the_cause_and_leave_nothing() {
    let rig = Rig::new().await;
    let limits = LimitArgs { max_upload_bytes: 20_000, max_pixels: 5000, max_side_px: 200, ..LimitArgs::default() };
    let site = Site::start(&rig, Settings { limits, ..Settings::default() }).await;
    let (png, gray) = (png(), ["grayscale"]);
    let wide = Picture::rgb(201, 1, 64, &gray).png();
    let large = Picture::rgb(80, 70, 64, &gray).png();
    let bomb = [&png[..16], &[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff], &png[24..]].concat();
    let twice = [form(b"a", &png, &gray)[..].strip_suffix(b"--XX--\r\n").unwrap(), &form(b"b", &png, &[])].concat();
    let cases: Vec<(u16, &str, Vec<u8>)> = vec![
        (415, "not a picture", form(b"a.png", b"#!/bin/sh\necho this is text", &gray)),
        (422, "GIF", form(b"a.png", b"GIF89a\x01\0\x01\0 and some more", &gray)),
        (415, "the file is empty", form(b"a.png", b"", &gray)),
        (415, "a HEIC picture, which is not read here", form(b"a", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", &gray)),
        (400, "\"blurr\"; sharpen: unknown parameter \"by\"", form(b"a.png", &png, &["blurr", "sharpen:by=2"])),
        (400, "unknown operation \"blurr\"", form(b"a.png", &png, &["blurr"])),
        (
            400,
            "ksize must be an odd integer from 1 to 255, got \"4\"",
            form(b"a.png", &png, &["gaussian_blur:ksize=4"]),
        ),
        (400, "no operation", form(b"a.png", &png, &[])),
        (400, "no picture", [part(b"name=\"op\"", b"grayscale"), b"--XX--".to_vec()].concat()),
        (400, "given twice", twice),
        (400, "unknown field", [part(b"name=\"ops\"", b"x"), form(b"a.png", &png, &gray)].concat()),
        (400, "ended early", form(b"a.png", &png, &gray)[..300].to_vec()),
        (413, "max_upload_bytes", form(b"a.png", &[&png[..], &[0; 20_000]].concat(), &gray)),
        (413, "max_upload_bytes", form(b"a.png", &[&png[..], &[0; 400_000]].concat(), &gray)),
        (422, "max_operations is 16", form(b"a.png", &png, &vec!["grayscale"; 1000])),
        (422, "max_side_px is 200", form(b"a.png", &wide, &gray)),
        (422, "max_pixels is 5000", form(b"a.png", &large, &gray)),
        (422, "header", form(b"a.png", &png[..20], &gray)),
        (422, "", form(b"a.png", &bomb, &gray)),
    ];
    for (status, text, body) in cases {
        let answer = site.upload("/api/v1/jobs", &body);
        assert_eq!(
            (answer.status, answer.headers["content-type"].as_str()),
            (status, "application/problem+json"),
            "{text}"
        );
        assert!(answer.json()["detail"].as_str().unwrap().contains(text), "{text}: {}", answer.text());
        assert!(!answer.json()["remedy"].as_str().unwrap().is_empty());
        site.assert_empty(&rig, text);
    }
    assert_eq!(rig.state.queued().await.unwrap(), 0);
    assert!(rig.all(Topic::Jobs).is_empty());
}

#[tokio::test]
async fn an_early_refusal_comes_before_the_body() {
    let rig = Rig::new().await;
    let limits = LimitArgs { max_upload_bytes: 1 << 20, ..LimitArgs::default() };
    let site = Site::start(&rig, Settings { limits, ..Settings::default() }).await;
    // Only the head is sent: a service that waited for the body would never answer.
    let head = site.head("POST", "/api/v1/jobs", &[FORM], 1 << 30);
    assert_eq!(site.raw(&head).status, 413);
    let text = form(b"a", &[b'x'; 4000], &[]);
    let head = site.head("POST", "/api/v1/jobs", &[FORM], 1 << 20);
    assert_eq!(site.raw(&[&head[..], &text[..1000]].concat()).status, 415);
    site.assert_empty(&rig, "early refusals");
}

#[tokio::test]
async fn hostile_file_names_are_harmless_everywhere() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let long = vec![b'x'; 300];
    let names: [&[u8]; 12] = [
        b"../../etc/passwd",
        br"..\..\windows",
        b"%2e%2e%2f",
        b"a\0b.png",
        b"a\r\nX-Evil: 1",
        b"<script>alert(1)</script>.png",
        br#"\"><img src=x onerror=alert(1)>.png"#,
        b"-rf",
        b".hidden",
        "\u{1f600}\u{202e}gnp.png".as_bytes(),
        b"caf\xe9.png",
        &long,
    ];
    for name in names {
        let shown = String::from_utf8_lossy(name).into_owned();
        let job = site.upload("/api/v1/jobs", &form(name, &png(), &["invert"])).job();
        let original = site.get(&format!("/api/v1/jobs/{job}/original"));
        assert_eq!((original.status, &original.body), (200, &png()), "{shown}");
        assert!(!original.headers.contains_key("x-evil"));
        let disposition = &original.headers["content-disposition"];
        assert!(
            disposition.starts_with("attachment; filename=\"") && !disposition.contains(['/', '\\', '<']),
            "{disposition}"
        );
        for page in [format!("/jobs/{job}"), "/jobs".to_owned()] {
            let text = site.get(&page).text();
            let text = text.replace(SCRIPT, "");
            assert!(!text.contains("<script") && !text.contains("<img src=x"), "{shown}: {text}");
        }
        let view = site.get(&format!("/api/v1/jobs/{job}")).json();
        assert!(view["filename"].as_str().unwrap().chars().count() <= 255);
        let left =
            site::files(&rig.folder.path().join("store")).into_iter().filter(|path| path.contains(&job.to_string()));
        let mut left: Vec<String> = left.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
        left.sort();
        assert_eq!(left, ["end.room", "job.json", "original"], "{shown}");
    }
}

#[tokio::test]
async fn a_result_comes_whole_in_ranges_and_not_again() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = site.upload("/api/v1/jobs", &form("na\u{ef}ve.png".as_bytes(), &png(), &["invert"])).job();
    let address = format!("/api/v1/jobs/{job}/result");
    assert_eq!(site.get(&address).status, 409);
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    complete(&rig, &site.store, job, &bytes).await;

    let whole = site.get(&address);
    assert_eq!((whole.status, whole.body == bytes), (200, true));
    let header = |name: &str| whole.headers[name].as_str();
    assert_eq!((header("content-type"), header("accept-ranges")), ("image/png", "bytes"));
    assert_eq!(
        (header("x-content-type-options"), header("content-security-policy")),
        ("nosniff", "default-src 'none'; sandbox")
    );
    assert!(header("content-disposition").contains("filename*=UTF-8''na%C3%AFve.png"));
    let etag = header("etag");

    let ask = |name: &str, value: &str| site.call("GET", &address, &[(name, value)], b"");
    let some = ask("Range", "bytes=100000-100009");
    assert_eq!((some.status, &some.body[..]), (206, &bytes[100_000..100_010]));
    assert_eq!(some.headers["content-range"], "bytes 100000-100009/200000");
    assert_eq!(ask("Range", "bytes=-5").body, bytes[199_995..]);
    let beyond = ask("Range", "bytes=200000-");
    assert_eq!((beyond.status, beyond.headers["content-range"].as_str()), (416, "bytes */200000"));
    assert_eq!(ask("If-None-Match", etag).status, 304);
    let both = site.call("GET", &address, &[("Range", "bytes=0-1"), ("If-Range", "\"other\"")], b"");
    assert_eq!((both.status, both.body.len()), (200, 200_000));
    let head = site.call("HEAD", &address, &[], b"");
    assert_eq!((head.status, head.headers["content-length"].as_str(), head.body.len()), (200, "200000", 0));

    let page = site.get(&format!("/jobs/{job}")).text();
    assert!(page.contains("Download the result") && !page.contains("http-equiv=\"refresh\""));
    assert_eq!(site.call("DELETE", &format!("/api/v1/jobs/{job}"), &[], b"").status, 204);
    assert_eq!(site.get(&address).status, 410);
    site.assert_empty(&rig, "a deleted job");
}

#[tokio::test]
async fn the_mirrored_calls_keep_their_shape() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let refused = site.upload("/upload", &form(b"a.png", b"this is no picture at all", &[]));
    assert_eq!((refused.status, refused.headers["content-type"].as_str()), (400, "text/plain; charset=utf-8"));
    let answer = site.upload("/upload", &form(b"a.png", &png(), &[]));
    assert_eq!((answer.status, &answer.json()["total_tiles"]), (200, &1.into()));
    assert!(answer.json()["message"].is_string());
    let job = answer.json()["job_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(rig.state.job(job).await.unwrap().unwrap().operations, ["grayscale"]);
    let status = site.get(&format!("/status/{job}")).json();
    let expected = serde_json::json!({"status": "processing", "total_tiles": 1, "received_tiles": 0, "workers": {}});
    assert_eq!(status, expected);
    complete(&rig, &site.store, job, b"a result").await;
    let status = site.get(&format!("/status/{job}")).json();
    assert_eq!((&status["status"], &status["received_tiles"]), (&"complete".into(), &1.into()));
    assert_eq!(site.get(status["url"].as_str().unwrap()).body, b"a result");
    let unknown = site.get("/status/none");
    assert_eq!((unknown.status, &unknown.json()["job_id"]), (404, &"none".into()));
    assert!(unknown.json()["error"].is_string());
    for name in ["none", "..%2f..%2fetc%2fpasswd", &format!("{job}-0000000000000000.png")] {
        assert_eq!(site.get(&format!("/final/{name}")).status, 404, "{name}");
    }
}

#[tokio::test]
async fn equal_uploads_with_one_key_are_one_job() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let send = |operation: &str| {
        let body = form(b"a.png", &png(), &[operation]);
        site.call("POST", "/api/v1/jobs", &[FORM, ("Idempotency-Key", "key-1")], &body)
    };
    let mut jobs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| send("invert").job())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    jobs.dedup();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(send("grayscale").status, 422);
    assert_eq!(site.store.jobs().await.unwrap(), jobs);
    assert_eq!(rig.state.queued().await.unwrap(), 1);
}

#[tokio::test]
async fn posts_of_other_sites_are_refused_and_owners_may_cancel_and_retry() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let rows = [part(b"name=\"row_operation\"", b"invert"), part(b"name=\"row_parameters\"", b"")].concat();
    let body = [rows, form(b"a.png", &png(), &[])].concat();
    for origin in ["null", "https://evil.example"] {
        assert_eq!(site.call("POST", "/", &[FORM, ("Origin", origin)], &body).status, 403);
    }
    site.assert_empty(&rig, "foreign posts");
    let ours = format!("http://{}", site.address);
    let sent = site.call("POST", "/", &[FORM, ("Origin", &ours)], &body);
    assert_eq!(sent.status, 303);
    let page = sent.headers["location"].clone();
    let job = page.strip_prefix("/jobs/").unwrap().parse().unwrap();
    let api = format!("/api/v1{page}");
    assert_eq!(site.call("POST", &format!("{api}/retry"), &[], b"").status, 409);
    assert_eq!(site.call("DELETE", &api, &[], b"").status, 409);
    assert_eq!(site.call("POST", &format!("{page}/cancel"), &[], b"").status, 303);
    assert_eq!(site.store.end(job).await.unwrap().unwrap().status, JobStatus::Cancelled);
    assert!(site.get(&page).text().contains("Run it again"));
    assert_eq!(site.call("POST", &format!("{api}/retry"), &[], b"").status, 202);
    let view = rig.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.status, view.run), (JobStatus::Queued, 2));
    assert_eq!(site.store.manifest(job).await.unwrap().unwrap().run, 2);
    assert!(site.store.end(job).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_and_answers_carry_their_headers() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let browser = [("Accept", "text/html,*/*;q=0.8")];
    for path in [
        "/",
        "/jobs",
        "/workers",
        "/jobs?status=failed",
        "/static/style.css",
        "/static/live.js",
        "/api/v1/operations",
        "/api/v1/stats",
    ] {
        let answer = site.call("GET", path, &browser, b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}");
        for name in [
            "x-content-type-options",
            "referrer-policy",
            "permissions-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
        ] {
            assert!(answer.headers.contains_key(name), "{path}: {name}");
        }
        let text = answer.text().replace(SCRIPT, "");
        assert!(!text.contains("<script") && !text.contains(" style="), "{path}");
    }
    let page = site.call("GET", "/jobs/none", &browser, b"");
    assert_eq!((page.status, page.headers["content-type"].as_str()), (404, "text/html; charset=utf-8"));
    assert!(page.text().contains("What to do") && page.text().contains("There is nothing here"));
    assert!(!page.text().contains("Not Found"), "{}", page.text());
    let refused =
        [("/api/v1/jobs?status=odd", 400), ("/api/v1/jobs?limit=0", 400), ("/jobs?cursor=x", 400), ("/nothing", 404)];
    for (path, status) in refused {
        let answer = site.get(path);
        assert_eq!(
            (answer.status, answer.headers["content-type"].as_str()),
            (status, "application/problem+json"),
            "{path}"
        );
    }
    let method = site.call("PUT", "/api/v1/jobs", &[], b"");
    assert_eq!((method.status, method.headers.contains_key("allow")), (405, true));
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let mut jobs: Vec<String> =
        (0..3).map(|_| site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["invert"])).job().to_string()).collect();
    jobs.sort_by(|a, b| b.cmp(a));
    let ids = |answer: &serde_json::Value| -> Vec<String> {
        answer["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = site.get("/api/v1/jobs?limit=2").json();
    assert_eq!(ids(&first), jobs[..2]);
    let second = site.get(&format!("/api/v1/jobs?limit=2&cursor={}", first["next"].as_str().unwrap())).json();
    assert_eq!(ids(&second), jobs[2..]);
    assert!(second["next"].is_null());
    jobs.reverse();
    let oldest = site.get("/api/v1/jobs?limit=2&order=oldest").json();
    assert_eq!(ids(&oldest), jobs[..2]);
    let page = site.call("GET", "/jobs?limit=2&order=oldest", &[("Accept", "text/html")], b"").text();
    assert!(page.contains("Newer jobs") && page.contains("Newest first") && page.contains("order=oldest&"), "{page}");
    let refused = site.get("/api/v1/jobs?order=size");
    assert_eq!(refused.status, 400);
    assert!(refused.json()["detail"].as_str().unwrap().contains("newest, oldest"), "{}", refused.text());
    assert_eq!(ids(&site.get("/api/v1/jobs?status=queued").json()).len(), 3);
    assert_eq!(ids(&site.get("/api/v1/jobs?status=done").json()).len(), 0);
}

#[tokio::test]
async fn a_slow_or_vanished_sender_leaves_nothing() {
    let rig = Rig::new().await;
    let http = HttpArgs { upload_idle_seconds: 1, ..HttpArgs::default() };
    let site = Site::start(&rig, Settings { http, ..Settings::default() }).await;
    let body = form(b"a.png", &[&png()[..], &[0; 500_000]].concat(), &["invert"]);
    let head = site.head("POST", "/api/v1/jobs", &[FORM], body.len());
    let half = [&head[..], &body[..body.len() / 2]].concat();
    let slow = site.raw(&half);
    assert_eq!(slow.status, 408, "{}", slow.text());
    assert!(slow.json()["detail"].as_str().unwrap().contains("sent nothing"));
    let mut gone = site.connect();
    std::io::Write::write_all(&mut gone, &half).unwrap();
    drop(gone);
    support::until("the rest of the uploads to go", async || site::files(&rig.folder.path().join("store")).is_empty())
        .await;
    assert_eq!(rig.state.queued().await.unwrap(), 0);
}
