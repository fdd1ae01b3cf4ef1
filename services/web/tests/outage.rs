//! Uploads while Kafka or Redis is away: refused with a time to come back, and nothing is left behind.
#![cfg(feature = "broker-tests")]

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
    assert_eq!(rig.state.list(None, 10, None).await.unwrap().0, []);
}
