//! What is answered when files in the store are damaged, and what becomes of keys whose job has no result.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod site;
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use site::{FORM, Settings, Site, complete, form};
use support::{Picture, Rig, until};
use tessera::job::{Digest, JobId, JobStatus};
use tessera::state::recovery::rebuild;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

fn png() -> Vec<u8> {
    Picture::rgb(40, 30, 64, &["grayscale"]).png()
}

/// What FLUSHALL would do, for this test only.
fn forget_all(rig: &Rig) {
    let mut redis = redis::Client::open(rig.redis.redis_url.clone()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{}*", rig.redis.key_prefix)).query(&mut redis).unwrap();
    redis::cmd("DEL").arg(keys).query::<i64>(&mut redis).unwrap();
}

/// A job that is done, with `bytes` as its result, and where that lies.
async fn done(rig: &Rig, site: &Site, bytes: &[u8]) -> (JobId, PathBuf) {
    let job = site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["invert"])).job();
    complete(rig, &site.store, job, bytes).await;
    let view = rig.state.job(job).await.unwrap().unwrap();
    (job, site.store.place_of(&view.final_filename.unwrap().parse().unwrap()))
}

fn flip(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

async fn status(rig: &Rig, job: JobId) -> JobStatus {
    rig.state.job(job).await.unwrap().unwrap().status
}

/// Damages the file at a path.
type Damage = fn(&std::path::Path);

#[tokio::test]
async fn a_result_carries_its_digest_whole_in_part_and_as_a_head() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let bytes: Vec<u8> = (0..700_000_u32).map(|i| (i % 251) as u8).collect();
    let (job, _) = done(&rig, &site, &bytes).await;
    let (address, digest) = (format!("/api/v1/jobs/{job}/result"), Digest::of(&bytes));
    for (method, headers) in [("GET", vec![]), ("HEAD", vec![]), ("GET", vec![("Range", "bytes=5-9")])] {
        let answer = site.call(method, &address, &headers, b"");
        assert_eq!(answer.headers["repr-digest"], digest.header(), "{method} {headers:?}");
        assert_eq!(answer.headers["etag"], format!("\"{digest}\""), "{method} {headers:?}");
    }
    assert_eq!(site.get(&format!("/api/v1/jobs/{job}")).json()["digest"], digest.to_string());
    let original = site.get(&format!("/api/v1/jobs/{job}/original"));
    assert_eq!(original.headers["repr-digest"], Digest::of(&png()).header());
}

#[tokio::test]
async fn a_damaged_result_is_never_served_and_is_made_anew() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let bytes = vec![7_u8; 700_000];
    let damages: [(&str, Damage); 4] = [
        ("a bit flipped", flip),
        ("half its length", |path| std::fs::write(path, vec![7; 350_000]).unwrap()),
        ("deleted", |path| std::fs::remove_file(path).unwrap()),
        ("another file", |path| std::fs::write(path, vec![8; 700_000]).unwrap()),
    ];
    for (what, damage) in damages {
        let (job, path) = done(&rig, &site, &bytes).await;
        damage(&path);
        let answer = site.call("GET", &format!("/api/v1/jobs/{job}/result"), &[("Range", "bytes=0-9")], b"");
        assert_eq!(answer.status, 503, "{what}: {}", answer.text());
        assert!(answer.text().contains("damaged"), "{what}: {}", answer.text());
        until("the job to be queued again", async || status(&rig, job).await == JobStatus::Queued).await;
        assert_eq!(rig.state.job(job).await.unwrap().unwrap().run, 2, "{what}");
        complete(&rig, &site.store, job, &bytes).await;
        assert_eq!(site.get(&format!("/api/v1/jobs/{job}/result")).status, 200, "{what}");
    }
}

#[tokio::test]
async fn a_large_damaged_result_breaks_off_before_its_end() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let bytes = vec![7_u8; (16 << 20) + 5];
    let (job, path) = done(&rig, &site, &bytes).await;
    let address = format!("/api/v1/jobs/{job}/result");
    let mut socket = site.connect();
    flip(&path);
    std::io::Write::write_all(&mut socket, &site.head("GET", &address, &[], 0)).unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut socket, &mut answer);
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert!(answer.len() - head < bytes.len(), "all of {} bytes came", bytes.len());
    until("the job to be queued again", async || status(&rig, job).await == JobStatus::Queued).await;
}

#[tokio::test]
async fn a_part_of_a_large_file_is_sent_only_if_all_of_it_is_whole() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let bytes: Vec<u8> = (0..(9_u32 << 20)).map(|i| (i % 251) as u8).collect();
    let (job, path) = done(&rig, &site, &bytes).await;
    let address = format!("/api/v1/jobs/{job}/result");
    let part = || site.call("GET", &address, &[("Range", "bytes=5-9")], b"");
    assert_eq!((part().status, part().body), (206, bytes[5..10].to_vec()));
    // Of the same length, with its old date, and far from what is asked for.
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    flip(&path);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let answer = part();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("damaged"), "{}", answer.text());
    until("the job to be queued again", async || status(&rig, job).await == JobStatus::Queued).await;
    complete(&rig, &site.store, job, &bytes).await;
    assert_eq!(part().status, 206, "the result that was made again");
    // A small one is held against its digest as it is read.
    let other = site.upload("/api/v1/jobs", &form(b"a.bmp", &png(), &["invert"])).job();
    let original = site.store.place_of(&tessera::store::Object::Original(other));
    flip(&original);
    assert_eq!(site.call("GET", &format!("/api/v1/jobs/{other}/original"), &[("Range", "bytes=0-1")], b"").status, 410);
}

#[tokio::test]
async fn a_job_whose_picture_is_damaged_too_fails_and_says_what_to_do() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let (job, path) = done(&rig, &site, b"a result").await;
    flip(&path);
    flip(&path.with_file_name("original"));
    assert_eq!(site.get(&format!("/api/v1/jobs/{job}/original")).status, 410);
    assert_eq!(site.get(&format!("/api/v1/jobs/{job}/result")).status, 503);
    until("the job to fail", async || status(&rig, job).await == JobStatus::Failed).await;
    let answer = site.get(&format!("/api/v1/jobs/{job}/result"));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("send the picture again"), "{}", answer.text());
}

#[tokio::test]
async fn a_key_whose_job_has_no_result_makes_a_new_job() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let send = || {
        let headers = [FORM, ("Idempotency-Key", "key-1")];
        site.call("POST", "/api/v1/jobs", &headers, &form(b"a.png", &png(), &["invert"])).job()
    };
    let first = send();
    assert_eq!(send(), first);
    assert_eq!(site.call("POST", &format!("/api/v1/jobs/{first}/cancel"), &[], b"").status, 202);
    let second = send();
    assert_ne!(second, first, "it was cancelled");
    assert_eq!(send(), second);
    rig.state.fail(second, "for a test", HOUR).await.unwrap();
    let third = send();
    assert_ne!(third, second, "it has failed");
    complete(&rig, &site.store, third, b"a result").await;
    assert_eq!(send(), third, "its result is there");
    assert_eq!(site.call("DELETE", &format!("/api/v1/jobs/{third}"), &[], b"").status, 204);
    assert_ne!(send(), third, "it was deleted");
}

#[tokio::test]
async fn a_key_outlives_redis() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let send = || {
        let headers = [FORM, ("Idempotency-Key", "key-1")];
        site.call("POST", "/api/v1/jobs", &headers, &form(b"a.png", &png(), &["invert"]))
    };
    let job = send().job();
    forget_all(&rig);
    rebuild(&rig.state, &site.store, HOUR).await.unwrap();
    until("the service to be ready", async || site.get("/readyz").status == 200).await;
    assert_eq!(send().job(), job);
}
