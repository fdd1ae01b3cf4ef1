//! What the monitor mends between Redis and the store: half accepted jobs, a lost Redis, expiry, damaged results.

use std::time::Duration;

use tessera::job::{Digest, EndMarker, JobStatus, Manifest, Token};
use tessera::store::{Object, Store};
use tessera::time::now;

use crate::heartbeats::beat;
use crate::process::Monitor;
use crate::support::{self, Picture, Rig, until};
use crate::{connection, forget_all, view};

#[actix::test]
async fn a_job_that_was_left_accepting_is_queued_if_it_is_whole() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let manifests: Vec<Manifest> = (0..2).map(|_| Picture::rgb(100, 100, 64, &["invert"]).manifest()).collect();
    for manifest in &manifests {
        store.put_manifest(manifest).await.unwrap();
        rig.state.accept(manifest, support::LONG).await.unwrap();
        let key = format!("{}job:{{{}}}", rig.redis.key_prefix, manifest.job);
        // Left so half a minute ago, by the clock of Redis.
        let _: i64 = redis::cmd("HSET").arg(key).arg("progress_ms").arg(1).query(&mut connection(&rig)).unwrap();
    }
    store.put(&tessera::store::Object::Original(manifests[0].job), vec![1].into()).await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[]);
    beat(&rig, "w-1", "running").await;
    until("the whole one to be queued", async || rig.state.ready_jobs(10).await.unwrap() == [manifests[0].job]).await;
    assert_eq!(view(&rig, manifests[1].job).await.status, JobStatus::Accepting);
}

#[actix::test]
async fn a_redis_that_lost_all_is_rebuilt_from_the_store() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let _monitor = Monitor::start(&rig, "one", &[]);
    let manifests: Vec<Manifest> = (0..3).map(|_| Picture::rgb(100, 100, 64, &["invert"]).manifest()).collect();
    for manifest in &manifests {
        store.put_manifest(manifest).await.unwrap();
        rig.state.accept(manifest, support::LONG).await.unwrap();
        rig.state.queue(manifest.job).await.unwrap();
    }
    let ended = EndMarker {
        job: manifests[0].job,
        run: 1,
        status: JobStatus::Failed,
        reason: Some("for a test".to_owned()),
        final_filename: None,
        bytes_out: 0,
        digest: None,
        notices: Vec::new(),
        finished_at: now(),
    };
    store.put_end(&ended).await.unwrap();
    forget_all(&rig);
    until("redis to be alive again", async || rig.state.ping().await.is_ok()).await;
    assert_eq!(view(&rig, manifests[0].job).await.reason.as_deref(), Some("for a test"));
    for manifest in &manifests[1..] {
        assert_eq!(view(&rig, manifest.job).await.status, JobStatus::Queued);
    }
    assert_eq!(rig.state.ready_jobs(10).await.unwrap().len(), 2);
}

#[actix::test]
async fn results_expire_and_jobs_that_only_the_store_knows_are_queued() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let (old, young) =
        (Picture::rgb(100, 100, 64, &["invert"]).manifest(), Picture::rgb(100, 100, 64, &["invert"]).manifest());
    for manifest in [&old, &young] {
        store.put_manifest(manifest).await.unwrap();
        rig.state.accept(manifest, support::LONG).await.unwrap();
        rig.state.queue(manifest.job).await.unwrap();
        rig.state.cancel(manifest.job, Duration::from_secs(3600)).await.unwrap();
    }
    let key = format!("{}job:{{{}}}", rig.redis.key_prefix, old.job);
    let mut redis = connection(&rig);
    let _: i64 = redis::cmd("HSET").arg(key).arg("finished_ms").arg(1).query(&mut redis).unwrap();
    let mut orphan = Picture::rgb(100, 100, 64, &["invert"]).manifest();
    orphan.created_at = "2020-01-01T00:00:00.000Z".to_owned();
    store.put_manifest(&orphan).await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[]);
    until("the old one to expire", async || view(&rig, old.job).await.status == JobStatus::Expired).await;
    until("its files to go", async || !store.jobs().await.unwrap().contains(&old.job)).await;
    until("the orphan to be queued", async || rig.state.ready_jobs(10).await.unwrap() == [orphan.job]).await;
    until("the end marker of the other", async || store.end(young.job).await.unwrap().is_some()).await;
    assert_eq!(view(&rig, young.job).await.status, JobStatus::Cancelled);
}

#[actix::test]
async fn the_scrub_finds_a_damaged_result_that_nobody_asks_for() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let (png, mut manifest) = (picture.png(), picture.manifest());
    (manifest.bytes_in, manifest.digest) = (png.len() as u64, Some(Digest::of(&png)));
    let job = manifest.job;
    store.put(&Object::Original(job), png.into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    let object = Object::Result { job, token: Token::random(), ext: "png".to_owned() };
    store.put(&object, bytes::Bytes::from_static(b"a resulT")).await.unwrap();
    let end = EndMarker {
        job,
        run: 1,
        status: JobStatus::Done,
        reason: None,
        final_filename: Some(object.to_string()),
        bytes_out: 8,
        digest: Some(Digest::of(b"a result")),
        notices: Vec::new(),
        finished_at: now(),
    };
    store.put_end(&end).await.unwrap();
    // The monitor brings the job back from the store, as done.
    forget_all(&rig);
    let _monitor = Monitor::start(&rig, "one", &[]);
    let run = async || rig.state.job(job).await.ok().flatten().map(|view| view.run);
    until("the job to be queued again", async || run().await == Some(2)).await;
    assert_eq!(view(&rig, job).await.status, JobStatus::Queued);
}
