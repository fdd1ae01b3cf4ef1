//! Pages of workers and of tiles: what they have in hand, who is dead, who made what in which time.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use site::{Settings, Site, form};
use support::{Picture, Rig, until};
use tessera::config::LimitArgs;
use tessera::heartbeat::{CurrentTile, FinishedTile, Heartbeat, TileOutcome};
use tessera::job::{JobId, Token};

fn beat(job: JobId) -> Heartbeat {
    let operations = "gaussian_blur:ksize=5,sigma=0 <b>".to_owned();
    let finished = |number: u64, outcome| FinishedTile {
        number,
        job,
        stage: 1,
        index: 40 + u32::try_from(number).unwrap(),
        operations: operations.clone(),
        ms: 12.25,
        outcome,
        ago_ms: 1500,
    };
    Heartbeat {
        worker: "rig-1".parse().unwrap(),
        incarnation: Token::random(),
        status: "running".to_owned(),
        host: "rig".to_owned(),
        pid: 7,
        version: "1".to_owned(),
        slots: 3,
        busy: 1,
        tiles_done: 1,
        tiles_failed: 1,
        mean_ms: 12.25,
        stuck_ms: None,
        current: vec![CurrentTile { job, stage: 0, index: 17, operations: operations.clone(), for_ms: 2500 }],
        finished: vec![finished(1, TileOutcome::Done), finished(2, TileOutcome::Failed)],
        started_at: tessera::time::now(),
        health_addr: "127.0.0.1:1".to_owned(),
        store: None,
    }
}

#[tokio::test]
async fn a_worker_shows_what_it_has_in_hand_and_what_it_finished() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = JobId::random();
    rig.state.beat(&beat(job), Duration::from_secs(60)).await.unwrap();
    let page = site.get("/workers").text();
    for text in ["1 of 3", "tile 17 of", &format!("/jobs/{job}"), "for 2.5 s", "running", "sigma=0 &#60;b&#62;"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = site.get("/workers/rig-1").text();
    for text in ["42, stage 2", "41, stage 2", "failed", "12.2 ms", "1 done, 1 failed"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let view = site.get("/api/v1/workers/rig-1").json();
    assert_eq!((&view["current"][0]["index"], &view["history"][0]["index"]), (&17.into(), &42.into()));
    assert_eq!((&view["history"][0]["outcome"], &view["history"][1]["outcome"]), (&"failed".into(), &"done".into()));
    for unknown in ["/api/v1/workers/rig-2", "/workers/rig-2", "/workers/a%00b"] {
        assert_eq!(site.get(unknown).status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn a_silent_worker_is_shown_as_dead_when_its_time_is_over() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let says = |word: &str| site.get("/workers/rig-1").text().contains(&format!("</span> {word}</span>"));
    let beat = beat(JobId::random());
    rig.state.beat(&beat, support::LONG).await.unwrap();
    assert!(says("running") && !says("dead"));
    let before = Instant::now();
    rig.state.beat(&beat, Duration::from_secs(2)).await.unwrap();
    // By the clock of Redis, which no load of this machine makes slower.
    let key = format!("{}worker:rig-1", rig.redis.key_prefix);
    let mut redis = redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
    let life_ms: i64 = redis::cmd("PTTL").arg(&key).query(&mut redis).unwrap();
    assert!((-2..=2_000).contains(&life_ms) && life_ms != -1, "alive for {life_ms} ms");
    // The first page after that shows it.
    until("its time to be over", async || !redis::cmd("EXISTS").arg(&key).query::<bool>(&mut redis).unwrap()).await;
    assert!(says("dead") && !says("running"));
    assert!(before.elapsed() >= Duration::from_millis(1900), "dead after {:?}", before.elapsed());
    assert!(site.get("/workers").text().contains("0 alive"));
}

#[tokio::test]
async fn the_tiles_of_a_job_are_a_table_in_pages() {
    let rig = Rig::new().await;
    let limits = LimitArgs { tile_size: 64, ..LimitArgs::default() };
    let site = Site::start(&rig, Settings { limits, ..Settings::default() }).await;
    let picture = Picture::rgb(300, 260, 64, &[]).png();
    let job = site.upload("/api/v1/jobs", &form(b"a.png", &picture, &["invert"])).job();
    rig.state.lease(job, &Token::random(), "rig").await.unwrap();
    assert_eq!(rig.state.worker_number(&"rig-1".parse().unwrap()).await.unwrap(), 1);
    rig.mark(job, 0, &[0, 7]).await;
    let page = site.get(&format!("/api/v1/jobs/{job}/tiles?from=6&limit=2")).json();
    assert_eq!((&page["stage"], &page["total"], &page["next"]), (&0.into(), &25.into(), &8.into()));
    let missing = serde_json::json!({"index": 6, "state": "missing", "worker": null, "attempt": null, "ms": null});
    let made = serde_json::json!({"index": 7, "state": "made", "worker": "rig-1", "attempt": 1, "ms": 2.0});
    assert_eq!(page["tiles"], serde_json::json!([missing, made]));
    let all = site.get(&format!("/api/v1/jobs/{job}/tiles")).json();
    assert_eq!((all["tiles"].as_array().unwrap().len(), &all["next"]), (25, &serde_json::Value::Null));
    for (query, says) in
        [("stage=1", "stage must be an integer from 0 to 0"), ("limit=0", "limit must be"), ("from=x", "from must be")]
    {
        let answer = site.get(&format!("/api/v1/jobs/{job}/tiles?{query}"));
        assert!(answer.status == 400 && answer.text().contains(says), "{query}: {}", answer.text());
    }
    assert_eq!(site.get(&format!("/api/v1/jobs/{}/tiles", JobId::random())).status, 404);
    let table = site.get(&format!("/jobs/{job}/tiles?limit=8")).text();
    for text in ["Tiles 0 to 7 of 25.", "2.0 ms", "/workers/rig-1", "Further tiles", "missing"] {
        assert!(table.contains(text), "{text}: {table}");
    }
    assert!(site.get(&format!("/jobs/{job}")).text().contains(&format!("/jobs/{job}/tiles")));
}
