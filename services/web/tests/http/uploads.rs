//! Uploads: what is taken, what is refused and why, and that refusals leave nothing.

use tessera::bus::Topic;
use tessera::bus::records::JobCommand;
use tessera::config::LimitArgs;
use tessera::job::JobStatus;
use tessera::store::Object;
use tessera_web::config::HttpArgs;

use crate::site::{self, FORM, Settings, Site, form, part};
use crate::support::{self, Picture, Rig};
use crate::{SCRIPT, png};

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
