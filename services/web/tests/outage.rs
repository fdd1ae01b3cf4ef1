//! Uploads while Kafka or Redis is away, or the disk too full: refused with what to do, and nothing is left behind.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::io::Write;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use site::bridge::Bridge;
use site::{Answer, FORM, Settings, Site, form};
use support::{Picture, Rig, until};
use tessera::bus::{Group, Topic, admin};
use tessera::config::LimitArgs;
use tessera::operation::Chain;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
use tessera::plan::{DiskNeed, Plan, PlanLimits};
use tessera::state::Order;
use tessera::store::Store;

fn body() -> Vec<u8> {
    let picture = Picture::rgb(400, 300, 64, &[]).png();
    form(b"a.png", &picture, &["invert"])
}

#[tokio::test]
async fn redis_away_refuses_before_the_body_and_leaves_nothing_in_between() {
    let rig = Rig::new().await;
    let url = rig.redis.redis_url.clone();
    let (host, database) =
        url.strip_prefix("redis://").and_then(|rest| rest.split_once('/')).expect("an address of redis");
    let bridge = Bridge::to(host.to_owned());
    let redis_url = Some(format!("redis://{}/{database}", bridge.address));
    let site = Site::start(&rig, Settings { redis_url, ..Settings::default() }).await;
    let body = body();
    let head = site.head("POST", "/api/v1/jobs", &[FORM], body.len());

    let mut half = site.connect();
    half.write_all(&[&head[..], &body[..body.len() / 2]].concat()).unwrap();
    until("the upload to begin", async || !site::files(&rig.folder.path().join("store")).is_empty()).await;
    bridge.open.send_replace(false);
    half.write_all(&body[body.len() / 2..]).unwrap();
    let answer = Answer::read(&mut half);
    assert_eq!((answer.status, answer.headers.contains_key("retry-after")), (503, true), "{}", answer.text());
    site.assert_empty(&rig, "an upload that redis did not take");

    until("the outage to be seen", async || site.get("/readyz").status == 503).await;
    // Only the head: the answer must not wait for the body.
    let refused = site.raw(&head);
    assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (503, true));
    assert!(refused.json()["detail"].as_str().unwrap().contains("redis"));
    let page = site.call("GET", "/jobs", &[("Accept", "text/html")], b"");
    assert_eq!((page.status, page.text().contains("What to do")), (503, true));

    bridge.open.send_replace(true);
    until("the service to be ready again", async || site.get("/readyz").status == 200).await;
    assert_eq!(site.upload("/api/v1/jobs", &body).status, 202);
    assert_eq!(rig.state.queued().await.unwrap(), 1);
}

#[tokio::test]
async fn an_announcement_that_kafka_does_not_take_leaves_nothing() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let client: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &rig.kafka.kafka_brokers).create().unwrap();
    let name = Topic::Jobs.name(&rig.kafka);
    client.delete_topics(&[&name], &AdminOptions::new()).await.unwrap();
    // The controller answers before the broker has let go of the topic.
    until("the topic to be gone", async || admin::lag(&rig.kafka, Group::Jobs).await.is_err()).await;
    let answer = site.upload("/api/v1/jobs", &body());
    assert_eq!((answer.status, answer.headers.contains_key("retry-after")), (503, true), "{}", answer.text());
    site.assert_empty(&rig, "an upload that kafka did not take");
    assert_eq!(rig.state.queued().await.unwrap(), 0);
    assert_eq!(rig.state.list(None, Order::default(), 10, None).await.unwrap().0, []);
}

/// The head of a picture of red, green and blue; its rows are missing, which is seen later.
fn claim(size: Size) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size.width, size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0x78, 1]).unwrap();
    out
}

/// What a turned picture of that size needs of a disk that has both the store and the spools.
fn need(size: Size, limits: &PlanLimits) -> u64 {
    let info = PictureInfo { size, format: PixelFormat { layout: Layout::Rgb, depth: Depth::Eight } };
    let DiskNeed { spool, slots, store } = Plan::make(info, &chain(), limits).unwrap().disk_need();
    spool.max(slots) + store
}

fn chain() -> Chain {
    Chain::new(vec!["rotate:degrees=90".parse().unwrap()])
}

#[tokio::test]
async fn a_job_that_the_disk_has_no_room_for_is_refused_for_good_or_for_now() {
    let mut rig = Rig::new().await;
    // A file system in memory, whose size is known to be small.
    rig.folder = tempfile::tempdir_in("/dev/shm").unwrap();
    rig.store.store = format!("file://{}", rig.folder.path().join("store").display());
    rig.store.scratch_dir = rig.folder.path().join("s");
    let site = Site::start(&rig, Settings::default()).await;
    let room = || {
        Store::open(&rig.store)
            .unwrap()
            .shortage(DiskNeed { spool: u64::MAX / 4, slots: 0, store: 0 })
            .unwrap()
            .unwrap()
    };
    let total = room().total;
    let limits = LimitArgs::default().plan_limits(rig.kafka.max_record_bytes);
    // Of this width the need grows in small steps with the height.
    let width = u32::try_from((total / 50_000).min(100_000)).unwrap();
    let at_least = |bytes: u64| {
        let heights: Vec<u32> = (1..=100_000).collect();
        let at = heights.partition_point(|height| need(Size { width, height: *height }, &limits) < bytes);
        Size { width, height: *heights.get(at).expect("a disk in memory of less than 60 GB") }
    };
    let upload = |size| site.upload("/api/v1/jobs", &form(b"a.png", &claim(size), &["rotate:degrees=90"]));

    let never = upload(at_least(total + 1));
    assert_eq!(never.status, 422, "{}", never.text());
    assert!(never.text().contains(&format!("the disk has {total}")), "{}", never.text());
    site.assert_empty(&rig, "a job that can never fit");

    let filler = std::fs::File::create(rig.folder.path().join("filler")).unwrap();
    rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, (total / 16).min(400 << 20)).unwrap();
    let free = room().free;
    let later = upload(at_least(free + (total - free) / 4));
    assert_eq!((later.status, later.headers.contains_key("retry-after")), (503, true), "{}", later.text());
    assert!(later.text().contains("are free now"), "{}", later.text());
    site.assert_empty(&rig, "a job that does not fit now");
}
