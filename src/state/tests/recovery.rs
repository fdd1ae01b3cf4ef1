//! Redis loses all; the store brings the jobs back.

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::config::{StoreArgs, Sync};
use crate::state::recovery::{Rebuilt, rebuild};
use crate::store::{Object, Store};

fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().join("store").display());
    let args = StoreArgs { store: url, scratch_dir: dir.path().join("scratch"), sync: Sync::None };
    let store = Store::open(&args).unwrap();
    (dir, store)
}

#[tokio::test]
async fn a_first_start_sets_the_sentinel() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    scene.flush();
    let nothing = Rebuilt::Jobs { queued: 0, ended: 0, damaged: 0 };
    assert_eq!(rebuild(&scene.state, &store, HOUR).await.unwrap(), nothing);
    scene.state.ping().await.unwrap();
    assert_eq!(rebuild(&scene.state, &store, HOUR).await.unwrap(), Rebuilt::NothingLost);
}

#[tokio::test]
async fn jobs_come_back_as_queued_or_as_they_ended() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    let (running, done, failed) = (manifest(1), manifest(2), manifest(1));
    for one in [&running, &done, &failed] {
        store.put_manifest(one).await.unwrap();
        scene.queue(one).await;
    }
    let end_done = end(done.job).noting(&["found while it was read".to_owned()]);
    store.put_end(&end_done).await.unwrap();
    let reason = Some("row 3 of 700".to_owned());
    let end_failed = EndMarker { status: JobStatus::Failed, reason, final_filename: None, ..end(failed.job) };
    store.put_end(&end_failed).await.unwrap();
    scene.flush();
    let expected = Rebuilt::Jobs { queued: 1, ended: 2, damaged: 0 };
    assert_eq!(rebuild(&scene.state, &store, HOUR).await.unwrap(), expected);

    let view = scene.state.job(running.job).await.unwrap().unwrap();
    assert_eq!((view.status, view.run, view.received_tiles, view.total_tiles), (JobStatus::Queued, 1, 0, 12));
    assert_eq!(view.created_at, running.created_at);
    assert_eq!(scene.indexes(running.job), ["jobs", "jobs:ready", "jobs:status:queued"]);
    assert_eq!(scene.ttl(&format!("job:{{{}}}", running.job)), -1);
    let view = scene.state.job(done.job).await.unwrap().unwrap();
    assert_eq!((view.status, view.final_filename), (JobStatus::Done, end_done.final_filename));
    assert_eq!((view.stage, view.received_tiles, view.bytes_out), (1, 12, 1234));
    assert_eq!((view.digest, view.notices), (end_done.digest, end_done.notices));
    assert_eq!(scene.indexes(done.job), ["jobs", "jobs:status:done"]);
    let ttl = scene.ttl(&format!("job:{{{}}}", done.job));
    assert!((7 * 24 * 3600..=7 * 24 * 3600 + 3600).contains(&ttl), "{ttl}");
    let view = scene.state.job(failed.job).await.unwrap().unwrap();
    assert_eq!((view.status, view.reason.as_deref()), (JobStatus::Failed, Some("row 3 of 700")));
    assert_eq!(scene.indexes(failed.job), ["jobs", "jobs:status:failed"]);
    assert_eq!(scene.state.repair_indexes().await.unwrap(), 3);
}

#[tokio::test]
async fn the_end_of_an_earlier_run_is_not_the_end() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    let again = Manifest { run: 2, ..manifest(1) };
    store.put_manifest(&again).await.unwrap();
    store.put_end(&EndMarker { status: JobStatus::Failed, final_filename: None, ..end(again.job) }).await.unwrap();
    scene.flush();
    rebuild(&scene.state, &store, HOUR).await.unwrap();
    let view = scene.state.job(again.job).await.unwrap().unwrap();
    assert_eq!((view.status, view.run), (JobStatus::Queued, 2));
}

#[tokio::test]
async fn uploads_under_way_and_damage_do_not_hinder_it() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    let (good, accepting) = (manifest(1), manifest(1));
    let (upload, damaged) = (JobId::random(), JobId::random());
    store.put_manifest(&good).await.unwrap();
    store.put_manifest(&accepting).await.unwrap();
    store.put(&Object::Original(upload), Bytes::from_static(b"x")).await.unwrap();
    store.put(&Object::Manifest(damaged), Bytes::from_static(b"{")).await.unwrap();
    scene.flush();
    scene.state.accept(&accepting, HOUR).await.unwrap();
    let expected = Rebuilt::Jobs { queued: 2, ended: 0, damaged: 1 };
    assert_eq!(rebuild(&scene.state, &store, HOUR).await.unwrap(), expected);
    assert_eq!(scene.status(good.job).await, Some(JobStatus::Queued));
    assert_eq!(scene.status(accepting.job).await, Some(JobStatus::Queued));
    assert_eq!(scene.ttl(&format!("job:{{{}}}", accepting.job)), -1);
    assert_eq!(scene.status(upload).await, None);
}

#[tokio::test]
async fn one_monitor_rebuilds_at_a_time() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    scene.flush();
    scene.redis::<()>(&["SET", &scene.key("tessera:rebuilding"), "another", "EX", "60"]);
    assert_eq!(rebuild(&scene.state, &store, HOUR).await.unwrap(), Rebuilt::Elsewhere);
    assert!(!scene.state.is_alive().await.unwrap());
    scene.redis::<u32>(&["DEL", &scene.key("tessera:rebuilding")]);
    assert!(matches!(rebuild(&scene.state, &store, HOUR).await.unwrap(), Rebuilt::Jobs { .. }));
    assert_eq!(scene.ttl("tessera:rebuilding"), -2);
}

#[tokio::test]
async fn a_rebuilt_job_can_be_finished_by_the_spool_that_has_its_tiles() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    let of = manifest(1);
    store.put_manifest(&of).await.unwrap();
    scene.queue(&of).await;
    scene.flush();
    rebuild(&scene.state, &store, HOUR).await.unwrap();
    let token = scene.claim(of.job, 0).await;
    scene.mark_all(of.job, 0, &token).await;
    assert_eq!(scene.state.finishing(of.job, &token).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.done(of.job, &token, &end(of.job), HOUR).await.unwrap(), Transition::Made);
}

#[tokio::test]
async fn idempotency_keys_of_jobs_with_a_result_or_a_future_come_back() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    let keyed = |key: &str| {
        let key = super::super::key_digest("a", key);
        Manifest { request: Some(crate::job::RequestKey { key, fingerprint: "f".to_owned() }), ..manifest(1) }
    };
    let (waiting, done, failed) = (keyed("waiting"), keyed("done"), keyed("failed"));
    for one in [&waiting, &done, &failed] {
        store.put_manifest(one).await.unwrap();
    }
    store.put_end(&end(done.job)).await.unwrap();
    store.put_end(&EndMarker { status: JobStatus::Failed, final_filename: None, ..end(failed.job) }).await.unwrap();
    scene.flush();
    rebuild(&scene.state, &store, HOUR).await.unwrap();
    let claim = async |key: &str| scene.state.claim_key("a", key, "f", &Token::random(), HOUR, None).await.unwrap();
    assert_eq!(claim("waiting").await, Idempotency::Known { job: waiting.job });
    assert_eq!(claim("done").await, Idempotency::Known { job: done.job });
    assert_eq!(claim("failed").await, Idempotency::Claimed);
}

#[tokio::test]
async fn a_job_whose_end_marker_is_damaged_is_run_again() {
    let scene = Scene::new().await;
    let (_dir, store) = store();
    let of = manifest(1);
    store.put_manifest(&of).await.unwrap();
    store.put(&Object::End(of.job), Bytes::from_static(b"{\"job\":")).await.unwrap();
    scene.flush();
    assert_eq!(rebuild(&scene.state, &store, HOUR).await.unwrap(), Rebuilt::Jobs { queued: 1, ended: 0, damaged: 0 });
    assert_eq!(scene.status(of.job).await, Some(JobStatus::Queued));
}
