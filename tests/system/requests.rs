//! Requests as users and their enemies send them.

use anyhow::{Context, Result};

use crate::support::http::Form;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures};

#[test]
fn what_cannot_be_taken_is_refused_with_the_reason() -> Result<()> {
    let limits =
        [("TESSERA_MAX_UPLOAD_BYTES", "600000"), ("TESSERA_MAX_PIXELS", "2000000"), ("TESSERA_MAX_SIDE_PX", "3000")];
    let environment = limits.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let system = System::start(&Options { workers: 1, environment, ..Options::default() })?;
    let small = pictures::rgb_png(20, 20, 1)?;
    let refused = |picture: &[u8], operation: &str, status: u16, says: &[&str]| -> Result<()> {
        let answer = system.post("p.png", picture, &[operation])?;
        assert_eq!(answer.status, status, "{operation}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        says.iter().for_each(|word| assert!(answer.text().contains(word), "{word:?} is not in {}", answer.text()));
        Ok(())
    };
    refused(b"%PDF-1.4 no picture at all, but long enough to be sniffed", "invert", 415, &["PNG"])?;
    refused(b"", "invert", 415, &[])?;
    refused(&small, "blurr", 400, &["unknown operation", "blurr"])?;
    refused(&small, "gaussian_blur:ksize=4", 400, &["ksize", "1 to 255"])?;
    refused(&small, "gaussian_blur:size=3", 400, &["unknown parameter"])?;
    refused(&[small.clone(), vec![0; 700_000]].concat(), "invert", 413, &["max_upload_bytes", "600000"])?;
    let narrow = pictures::png(1500, 1500, png::ColorType::Grayscale, png::BitDepth::Eight, &[0; 2_250_000])?;
    refused(&narrow, "invert", 422, &["max_pixels", "2000000"])?;
    let long = pictures::png(1, 3001, png::ColorType::Grayscale, png::BitDepth::Eight, &[0; 3001])?;
    refused(&long, "invert", 422, &["max_side_px", "3000"])?;
    assert_eq!(system.files("store").len(), 0, "a refused upload stays in the store");
    let unknown = system.client.get("/api/v1/jobs/00000000000000000000000000000000")?;
    assert_eq!(unknown.status, 404);
    assert_eq!(system.client.get("/api/v1/jobs/..%2f..%2fetc%2fpasswd")?.status, 404);
    Ok(())
}

#[test]
fn a_truncated_picture_fails_and_says_where() -> Result<()> {
    let system = System::start(&Options::default())?;
    let whole = pictures::rgb_png(1200, 1100, 2)?;
    for keep in [whole.len() / 2, whole.len() - 20, whole.len() - 5] {
        let job = system.submit(&whole[..keep], &["invert"])?;
        let view = system.wait_for_end(&job, LONG)?;
        assert_eq!(view["status"], "failed", "{view}");
        let reason = view["reason"].as_str().context("no reason")?;
        assert!(reason.contains("row") && reason.contains("1100"), "{reason}");
        assert_eq!(system.client.get(&format!("/api/v1/jobs/{job}/result"))?.status, 409);
    }
    Ok(())
}

#[test]
fn hostile_file_names_are_only_data() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(40, 30, 3)?;
    let names = [
        "../../etc/passwd",
        "<script>alert(1)</script>.png",
        "a\\\"b.png",
        "-rf",
        "图片.png",
        "..\\..\\x.png",
        "%2e%2e%2fx",
    ];
    for name in names {
        let answer = system.post(name, &picture, &["invert"])?;
        assert_eq!(answer.status, 202, "{name}: {}", answer.text());
        let job = answer.json()?["id"].as_str().context("no id")?.to_owned();
        system.compare(&job, &picture, &["invert"])?;
        let page = system.client.get_with(&format!("/jobs/{job}"), &[("Accept", "text/html")])?;
        assert!(!page.text().contains("<script>"), "{name} is not escaped");
        let result = system.client.get(&format!("/api/v1/jobs/{job}/result"))?;
        let disposition = result.header("content-disposition").context("no disposition")?;
        assert!(!disposition.contains(['\r', '\n', '/', '<']), "{disposition}");
        assert_eq!(result.header("x-content-type-options"), Some("nosniff"));
        let list = system.client.get_with("/jobs", &[("Accept", "text/html")])?;
        assert!(!list.text().contains("<script>alert"), "{name} is not escaped in the list");
    }
    for file in system.files("store") {
        let text = file.to_string_lossy().into_owned();
        assert!(!text.contains("passwd") && !text.contains("script"), "{text}");
    }
    Ok(())
}

#[test]
fn the_three_mirrored_calls_work() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(600, 500, 4)?;
    let mut form = Form::default();
    form.file("image", "mirror.png", &picture);
    let answer = system.client.post("/upload", &form, &[])?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json()?;
    assert!(body["message"].is_string() && body["total_tiles"].is_number(), "{body}");
    let job = body["job_id"].as_str().context("no job_id")?.to_owned();
    system.compare(&job, &picture, &["grayscale"])?;
    let status = system.client.get(&format!("/status/{job}"))?.json()?;
    assert_eq!(status["status"], "complete");
    assert_eq!(status["received_tiles"], status["total_tiles"]);
    let file = system.client.get(status["url"].as_str().context("no url")?)?;
    assert_eq!(file.body, system.result(&job)?);
    assert_eq!(system.client.get("/status/00000000000000000000000000000000")?.status, 404);
    assert_eq!(system.client.post("/upload", &Form::default(), &[])?.status, 400);
    Ok(())
}

#[test]
fn a_key_makes_one_job_of_many_requests() -> Result<()> {
    let system = System::start(&Options::default())?;
    let form = Form::picture("same.png", &pictures::rgb_png(300, 300, 5)?, &["invert"]);
    let mut jobs = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let answer = system.client.post("/api/v1/jobs", &form, &[("Idempotency-Key", "one-and-the-same")])?;
        assert_eq!(answer.status, 202, "{}", answer.text());
        jobs.insert(answer.json()?["id"].as_str().context("no id")?.to_owned());
    }
    assert_eq!(jobs.len(), 1);
    Ok(())
}

#[test]
fn ranges_and_tags_are_answered() -> Result<()> {
    let system = System::start(&Options::default())?;
    let job = system.submit_and_compare(&pictures::rgb_png(400, 300, 6)?, &["invert"])?;
    let path = format!("/api/v1/jobs/{job}/result");
    let whole = system.client.get(&path)?;
    let part = system.client.get_with(&path, &[("Range", "bytes=10-19")])?;
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[10..20]));
    let beyond = system.client.get_with(&path, &[("Range", "bytes=999999999-")])?;
    assert_eq!(beyond.status, 416);
    let tag = whole.header("etag").context("no etag")?;
    assert_eq!(system.client.get_with(&path, &[("If-None-Match", tag)])?.status, 304);
    Ok(())
}

#[test]
fn a_foreign_page_cannot_post() -> Result<()> {
    let system = System::start(&Options { workers: 0, ..Options::default() })?;
    let form = Form::picture("p.png", &pictures::rgb_png(10, 10, 7)?, &["invert"]);
    for origin in ["http://evil.example", "null"] {
        assert_eq!(system.client.post("/api/v1/jobs", &form, &[("Origin", origin)])?.status, 403, "{origin}");
    }
    let own = system.client.base.clone();
    assert_eq!(system.client.post("/api/v1/jobs", &form, &[("Origin", &own)])?.status, 202);
    Ok(())
}
