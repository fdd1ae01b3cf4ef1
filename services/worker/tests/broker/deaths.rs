//! Workers that are killed or asked to stop: their tiles are done, and held against them only if they end workers.

use std::process::Command;

use tessera::bus::{Group, Topic};
use tessera::heartbeat::Heartbeat;
use tessera::job::{JobStatus, Token};

use crate::process::Worker;
use crate::support::{Picture, Rig, tiles, until};

#[actix::test]
async fn a_tile_that_ended_three_workers_is_condemned_unrun() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    for _ in 0..3 {
        rig.state.take(manifest.job, 0, 0, &Token::random()).await.unwrap();
    }
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    let _worker = Worker::start(&rig, "one", &[]);
    let dead = rig.records(Topic::TasksDlq, 1);
    assert_eq!(dead[0].headers.get("error-class"), Some("condemned"));
    rig.caught_up(Group::Workers).await;
    let failed = rig.state.job(manifest.job).await.unwrap().unwrap();
    assert_eq!(failed.status, JobStatus::Failed);
    assert!(failed.reason.unwrap().contains("3 workers ended while they ran it"));
}

#[actix::test]
async fn a_tile_that_the_drain_limit_cuts_off_is_handed_back_and_never_condemned() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    for _ in 0..4 {
        let slow = [("TESSERA_TILE_DELAY_MS", "60000"), ("TESSERA_DRAIN_SECONDS", "1")];
        let mut worker = Worker::start(&rig, "slow", &slow);
        until("the tile to be in hand", async || !rig.takers(manifest.job, 0).is_empty()).await;
        assert!(worker.terminate().success());
        assert_eq!(rig.takers(manifest.job, 0), "", "it is held against the tile");
    }
    let _worker = Worker::start(&rig, "one", &[]);
    assert_eq!(tiles(&rig.records(Topic::Results, 1))[&0][0].1, picture.expected(&manifest, 0));
    rig.caught_up(Group::Workers).await;
    assert!(rig.all(Topic::TasksDlq).is_empty());
}

/// A signal that comes twice at once, from a terminal or a service manager, is one.
#[actix::test]
async fn two_signals_at_once_are_one_request_to_stop() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    let mut worker = Worker::start(&rig, "one", &[("TESSERA_TILE_DELAY_MS", "1500")]);
    until("the tile to be in hand", async || !rig.takers(manifest.job, 0).is_empty()).await;
    let asked = Command::new("kill").arg("-INT").arg(worker.0.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert!(worker.terminate().success());
    assert_eq!(tiles(&rig.all(Topic::Results)).len(), 1, "the tile in hand was not finished");
}

#[actix::test]
async fn what_a_killed_worker_had_in_hand_is_done_by_another() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1024, 768, 256, &["gaussian_blur:ksize=5"]);
    let manifest = rig.processing(&picture).await;
    let total = manifest.plan.stages[0].grid().tiles();
    let mut first = Worker::start(&rig, "one", &[("TESSERA_TILE_DELAY_MS", "200")]);
    for index in 0..total {
        rig.send(picture.record(&manifest, index, &rig.kafka)).await;
    }
    rig.records(Topic::Results, 2);
    first.kill();
    let _second = Worker::start(&rig, "two", &[]);
    until("every tile", async || tiles(&rig.all(Topic::Results)).len() == total as usize).await;
    for (index, made) in tiles(&rig.all(Topic::Results)) {
        assert!(made.iter().all(|(_, pixels)| pixels == &picture.expected(&manifest, index)), "tile {index}");
    }
    rig.caught_up(Group::Workers).await;
}

#[actix::test]
async fn a_worker_that_is_asked_to_stop_finishes_its_tile_commits_and_says_farewell() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1024, 768, 256, &["invert"]);
    let manifest = rig.processing(&picture).await;
    let total = manifest.plan.stages[0].grid().tiles();
    let results = rig.reader(Topic::Results);
    let mut first = Worker::start(&rig, "one", &[("TESSERA_TILE_DELAY_MS", "700")]);
    for index in 0..total {
        rig.send(picture.record(&manifest, index, &rig.kafka)).await;
    }
    rig.records_of(&results, Topic::Results, 1);
    let begun = std::time::Instant::now();
    let status = first.terminate();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed().as_secs() < 10, "it took {:?}", begun.elapsed());
    let made = tiles(&rig.all(Topic::Results)).len();
    assert!((1..=3).contains(&made), "{made} tiles, although each takes 0.7 s");
    let beats = rig.all(Topic::Heartbeats);
    let last = beats.last().map(|beat| Heartbeat::decode(&beat.headers, &beat.payload).unwrap()).unwrap();
    assert_eq!((last.status.as_str(), last.tiles_done, last.busy), ("draining", made as u64, 0));
    let lag = tessera::bus::admin::lag(&rig.kafka, Group::Workers).await.unwrap();
    let left: i64 = lag.iter().map(|lag| lag.records()).sum();
    assert_eq!(left, i64::from(total) - made as i64, "committed: what was made, and nothing else");
    let _second = Worker::start(&rig, "two", &[]);
    rig.caught_up(Group::Workers).await;
    assert_eq!(tiles(&rig.all(Topic::Results)).len(), total as usize);
}
