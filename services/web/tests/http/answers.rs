//! Pages, lists, results and buttons: what is answered, and with which headers.

use tessera::job::JobStatus;

use crate::site::{FORM, Settings, Site, complete, form, part};
use crate::support::Rig;
use crate::{SCRIPT, png};

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
