//! Streams of events on a real Redis: snapshot, differences, resumption, ends, outages and limits.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;
use site::bridge::Bridge;
use site::stream::{Event, Stream, merged};
use site::{Settings, Site, complete, form};
use support::{Picture, Rig, until};
use tessera::config::LimitArgs;
use tessera::job::{JobId, Token};
use tessera_web::config::HttpArgs;

/// A job of 25 tiles.
fn large(site: &Site) -> JobId {
    site.upload("/api/v1/jobs", &form(b"a.png", &Picture::rgb(300, 260, 64, &[]).png(), &["invert"])).job()
}

/// A job of one tile.
fn small(site: &Site) -> JobId {
    site.upload("/api/v1/jobs", &form(b"a.png", &Picture::rgb(40, 30, 64, &[]).png(), &["invert"])).job()
}

fn small_tiles() -> Settings {
    Settings { limits: LimitArgs { tile_size: 64, ..LimitArgs::default() }, ..Settings::default() }
}

fn path(job: JobId) -> String {
    format!("/api/v1/jobs/{job}/events")
}

fn statuses(job: &serde_json::Map<String, Value>) -> Vec<&str> {
    job["changes"].as_array().unwrap().iter().map(|change| change["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_watcher_sees_the_whole_job_and_then_what_changes() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = small(&site);
    let mut stream = Stream::open(&site, &path(job), &[]);
    assert_eq!(stream.status, 200);
    assert!(stream.head.contains("content-type: text/event-stream") && stream.head.contains("cache-control: no-store"));
    let first = stream.event().unwrap();
    assert_eq!((first.kind.as_str(), &first.data["status"]), ("snapshot", &"queued".into()));
    assert_eq!((&first.data["total_tiles"], &first.data["received_tiles"]), (&1.into(), &0.into()));
    complete(&rig, &site.store, job, b"a result").await;
    let rest = stream.rest();
    assert!(rest.iter().all(|event| event.kind == "change" && event.data.get("filename").is_none()), "{rest:?}");
    let seen = merged([&first].into_iter().chain(&rest));
    assert_eq!(statuses(&seen), ["accepting", "queued", "processing", "finishing", "done"]);
    // All that the interface says of the job has been told, and nothing else.
    let mut said = site.get(&format!("/api/v1/jobs/{job}")).json();
    let said = said.as_object_mut().unwrap();
    said.retain(|name, _| name != "notice" && name != "eta_seconds");
    for (name, value) in said.iter() {
        assert_eq!(&seen[name], value, "{name}");
    }
    assert_eq!(seen["tiles"]["made"].as_object().unwrap().values().next().unwrap(), "0");
}

#[tokio::test]
async fn differences_come_at_most_four_times_a_second() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, small_tiles()).await;
    let job = large(&site);
    rig.state.lease(job, &Token::random(), "rig").await.unwrap();
    let mut stream = Stream::open(&site, &path(job), &[]);
    let first = stream.event().unwrap();
    let begun = Instant::now();
    let seen = Arc::new(AtomicUsize::new(0));
    let reader = std::thread::spawn({
        let seen = seen.clone();
        move || {
            let mut events = vec![first];
            while merged(&events)["received_tiles"] != 24 {
                events.push(stream.event().unwrap());
                seen.store(events.len() - 1, Ordering::SeqCst);
            }
            events
        }
    });
    for index in 0..24 {
        rig.mark(job, 0, &[index]).await;
        // Progress is seen while it is made: a third of it for each of the first differences.
        let wanted = (index as usize + 1) / 8;
        until("differences to be told", async || seen.load(Ordering::SeqCst) >= wanted).await;
    }
    let events = reader.join().unwrap();
    let (seconds, differences) = (begun.elapsed().as_secs_f64(), events.len() - 1);
    assert!(differences as f64 <= seconds * 4.0 + 2.0, "{differences} in {seconds} s");
    // What was told of tiles, put together, is all of them, each once.
    let told: Vec<String> = events
        .iter()
        .filter_map(|event| event.data["tiles"]["made"].as_object())
        .flat_map(|made| made.values().map(|ranges| ranges.as_str().unwrap().to_owned()))
        .collect();
    let numbers = told.iter().flat_map(|ranges| ranges.split(',')).flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<u32>().unwrap()..=last.parse().unwrap()
    });
    assert_eq!(numbers.collect::<Vec<_>>(), (0..24).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_watcher_resumes_without_loss_and_without_repeats() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = small(&site);
    let first = Stream::open(&site, &path(job), &[]).event().unwrap();
    complete(&rig, &site.store, job, b"a result").await;
    let by_header = Stream::open(&site, &path(job), &[("Last-Event-ID", &first.id)]).rest();
    let by_query = Stream::open(&site, &format!("{}?last_event_id={}", path(job), first.id), &[]).rest();
    // Whether the differences were made for all watchers or for this one, they lead to the same.
    let whole = |events: &[Event]| {
        let mut job = merged([&first].into_iter().chain(events));
        job.retain(|name, value| name != "tiles" && !value.is_null());
        job
    };
    assert_eq!(whole(&by_header), whole(&by_query));
    for events in [&by_header, &by_query] {
        assert!(events.iter().all(|event| event.kind == "change"), "{events:?}");
        let told = merged(events);
        assert_eq!((&told["status"], statuses(&told)), (&"done".into(), vec!["processing", "finishing", "done"]));
    }
    let last = &by_query.last().unwrap().id;
    let again = Stream::open(&site, &path(job), &[("Last-Event-ID", last)]);
    assert_eq!(again.status, 204, "who has the end does not come again");
    let rubbish = Stream::open(&site, &path(job), &[("Last-Event-ID", "rubbish")]).rest();
    assert_eq!((rubbish.len(), rubbish[0].kind.as_str()), (1, "snapshot"));
    // What Redis no longer remembers is no loss: the whole is told.
    let old = Stream::open(&site, &path(job), &[("Last-Event-ID", "1-0.1.0.0.00000000")]).rest();
    assert_eq!((old[0].kind.as_str(), old[0].data["status"].as_str()), ("snapshot", Some("done")));
}

#[tokio::test]
async fn an_ended_job_is_told_at_once_and_an_unknown_one_is_404() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = small(&site);
    assert_eq!(site.call("POST", &format!("/api/v1/jobs/{job}/cancel"), &[], b"").status, 202);
    // The first event is the end, and the stream ends with it.
    let events = Stream::open(&site, &path(job), &[]).rest();
    assert_eq!((events.len(), &events[0].data["status"]), (1, &"cancelled".into()));
    assert!(events[0].data["reason"].as_str().unwrap().contains("owner"));
    // Begun again, it is watched again.
    assert_eq!(site.call("POST", &format!("/api/v1/jobs/{job}/retry"), &[], b"").status, 202);
    assert_eq!(Stream::open(&site, &path(job), &[]).event().unwrap().data["status"], "queued");
    for unknown in [JobId::random().to_string(), "none".to_owned()] {
        let answer = site.get(&format!("/api/v1/jobs/{unknown}/events"));
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (404, "application/problem+json"));
    }
}

#[tokio::test]
async fn too_many_watchers_are_refused_and_places_come_back() {
    let rig = Rig::new().await;
    let http = HttpArgs { max_watchers: 2, ..HttpArgs::default() };
    let site = Site::start(&rig, Settings { http, ..Settings::default() }).await;
    let (one, two) = (small(&site), small(&site));
    let mut watching = [one, two].map(|job| Stream::open(&site, &path(job), &[]));
    assert!(watching.iter_mut().all(|stream| stream.event().is_some()));
    let refused = site.get(&path(one));
    assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (503, true));
    assert!(refused.json()["detail"].as_str().unwrap().contains("max_watchers"));
    complete(&rig, &site.store, one, b"a result").await;
    watching[0].rest();
    assert_eq!(Stream::open(&site, &path(one), &[]).status, 200);
}

#[tokio::test]
async fn hundreds_watch_one_job() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = small(&site);
    let mut watching: Vec<Stream> = (0..300).map(|_| Stream::open(&site, &path(job), &[])).collect();
    assert!(watching.iter_mut().all(|stream| stream.event().unwrap().kind == "snapshot"));
    complete(&rig, &site.store, job, b"a result").await;
    for stream in &mut watching {
        assert_eq!(stream.rest().pop().unwrap().data["status"], "done");
    }
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    let rig = Rig::new().await;
    let http = HttpArgs { event_heartbeat_seconds: 1, ..HttpArgs::default() };
    let site = Site::start(&rig, Settings { http, ..Settings::default() }).await;
    let mut stream = Stream::open(&site, &path(small(&site)), &[]);
    while stream.block().expect("the stream goes on").kind != "comment" {}
}

#[tokio::test]
async fn a_stream_waits_for_redis_and_says_so() {
    let rig = Rig::new().await;
    let url = rig.redis.redis_url.clone();
    let (host, database) =
        url.strip_prefix("redis://").and_then(|rest| rest.split_once('/')).expect("an address of redis");
    let bridge = Bridge::to(host.to_owned());
    let redis_url = Some(format!("redis://{}/{database}", bridge.address));
    let site = Site::start(&rig, Settings { redis_url, ..Settings::default() }).await;
    let job = small(&site);
    let mut early = Stream::open(&site, &path(job), &[]);
    let first = early.event().unwrap();
    bridge.open.send_replace(false);
    assert_eq!(early.event().unwrap().kind, "waiting");
    let mut late = Stream::open(&site, &path(job), &[]);
    assert_eq!((late.status, late.event().unwrap().kind.as_str()), (200, "waiting"));
    complete(&rig, &site.store, job, b"a result").await;
    bridge.open.send_replace(true);
    let seen = merged([&first].into_iter().chain(&early.rest()));
    assert_eq!((&seen["status"], statuses(&seen).len()), (&"done".into(), 5));
    assert_eq!(late.rest().pop().unwrap().data["status"], "done");
}

#[tokio::test]
async fn streams_end_when_the_service_stops() {
    let rig = Rig::new().await;
    // A service that waited for its watchers would do so for longer than this test waits for it.
    let site = Site::start(&rig, Settings { drain_seconds: Some(600), ..Settings::default() }).await;
    let mut stream = Stream::open(&site, &path(small(&site)), &[]);
    assert_eq!(stream.event().unwrap().kind, "snapshot");
    let (tell, told) = std::sync::mpsc::channel();
    let stopping = std::thread::spawn(move || {
        drop(site);
        tell.send(())
    });
    told.recv_timeout(support::LONG).expect("a watcher held the service up");
    stopping.join().unwrap().unwrap();
    assert_eq!(stream.event(), None);
}
