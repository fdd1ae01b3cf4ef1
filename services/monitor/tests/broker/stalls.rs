//! Jobs that do not move: they are checked, made ready, and at last given up with a reason.

use std::time::Duration;

use tessera::bus::records::Check;
use tessera::bus::{Consumer, ConsumerOptions, Group, Topic};
use tessera::job::{JobStatus, Manifest, Token};
use tessera::state::Release;
use tessera::store::Store;

use crate::heartbeats::beat;
use crate::process::Monitor;
use crate::support::{self, Picture, Rig, until};
use crate::view;

/// A job of which three tiles came, and that is not worked on.
async fn stuck_job(rig: &Rig) -> Manifest {
    let manifest = Picture::rgb(300, 260, 64, &["invert"]).manifest();
    let lease = Token::random();
    rig.state.accept(&manifest, support::LONG).await.unwrap();
    rig.state.queue(manifest.job).await.unwrap();
    rig.state.lease(manifest.job, &lease, "rig").await.unwrap();
    rig.mark(manifest.job, 0, &[0, 1, 2]).await;
    rig.state.release(manifest.job, &lease, Release::PassComplete).await.unwrap();
    manifest
}

fn checks(rig: &Rig) -> Vec<Check> {
    rig.all(Topic::Results).iter().map(|record| Check::decode(&record.headers).unwrap()).collect()
}

/// Acknowledges every record of `results`, as a stitcher does that finds nothing.
fn play_stitcher(rig: &Rig) -> Consumer {
    let options = ConsumerOptions {
        group: Group::Stitchers,
        topic: Topic::Results,
        static_member: None,
        max_in_flight: 16,
        max_in_flight_bytes: 1 << 20,
        client_id: "rig".to_owned(),
    };
    let (consumer, mut deliveries) = Consumer::start(&rig.kafka, options).unwrap();
    let state = rig.state.clone();
    actix::spawn(async move {
        while let Some(delivery) = deliveries.recv().await {
            if let Ok(check) = Check::decode(&delivery.headers) {
                let _ = state.heard(check.job, check.stage).await;
            }
            delivery.ack.done();
        }
    });
    consumer
}

/// Reads every ready job to its end, as a splitter does whose tiles are all lost.
fn play_splitter(rig: &Rig) {
    let state = rig.state.clone();
    actix::spawn(async move {
        loop {
            for job in state.ready_jobs(10).await.unwrap_or_default() {
                let lease = Token::random();
                if state.lease(job, &lease, "rig").await.is_ok() {
                    let _ = state.release(job, &lease, Release::PassComplete).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

/// Sweeps that the monitor has made, by its log.
fn sweeps(rig: &Rig) -> usize {
    std::fs::read_to_string(rig.folder.path().join("one.log")).unwrap_or_default().matches("swept").count()
}

#[actix::test]
async fn a_stuck_job_is_checked_and_after_five_checks_fails_with_the_list_of_its_tiles() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    // The worker's one heartbeat lasts longer than five checks and the stitcher's joining take.
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "150"), ("TESSERA_WORKER_TTL_SECONDS", "120")]);
    let _stitcher = play_stitcher(&rig);
    play_splitter(&rig);
    beat(&rig, "w-1", "running").await;
    until("the job to fail", async || view(&rig, job).await.status == JobStatus::Failed).await;
    let reason = view(&rig, job).await.reason.unwrap();
    assert!(reason.contains("after 5 checks: 3-24 (22 of 25 in stage 0)"), "{reason}");
}

#[actix::test]
async fn a_stuck_job_that_is_not_asked_for_is_made_ready_and_waits_for_a_splitter() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    let more = [("TESSERA_STALL_MS", "50"), ("TESSERA_WORKER_TTL_SECONDS", "120")];
    let _monitor = Monitor::start(&rig, "one", &more);
    let _stitcher = play_stitcher(&rig);
    beat(&rig, "w-1", "running").await;
    until("it to be ready", async || rig.state.ready_jobs(10).await.unwrap() == [job]).await;
    let before = sweeps(&rig);
    // Were they counted, the checks would have given the job up by now.
    until("more sweeps", async || sweeps(&rig) > before + 60).await;
    assert_eq!(view(&rig, job).await.status, JobStatus::Processing);
    assert_eq!(rig.state.ready_jobs(10).await.unwrap(), [job]);
}

#[actix::test]
async fn a_lease_that_is_held_without_progress_does_not_hide_a_stuck_job() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    let lease = Token::random();
    rig.state.lease(job, &lease, "rig").await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "500")]);
    beat(&rig, "w-1", "running").await;
    until("a check", async || {
        rig.state.renew(&[(job, lease.clone())]).await.unwrap();
        !checks(&rig).is_empty()
    })
    .await;
}

#[actix::test]
async fn a_check_that_was_lost_is_sent_again() {
    let rig = Rig::new().await;
    stuck_job(&rig).await;
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "200"), ("TESSERA_WORKER_TTL_SECONDS", "120")]);
    beat(&rig, "w-1", "running").await;
    until("a check", async || !checks(&rig).is_empty()).await;
    rig.lose(Topic::Results).await;
    until("another", async || !checks(&rig).is_empty()).await;
}

#[actix::test]
async fn without_a_stitcher_or_a_worker_a_job_waits() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "20")]);
    until("the monitor to sweep", async || rig.folder.path().join("one.log").exists() && sweeps(&rig) > 5).await;
    assert!(checks(&rig).is_empty(), "there is no worker");
    beat(&rig, "w-1", "running").await;
    until("a check", async || !checks(&rig).is_empty()).await;
    let before = sweeps(&rig);
    // Read, these would be more than it takes to give a job up.
    until("more sweeps", async || sweeps(&rig) > before + 60).await;
    assert_eq!(view(&rig, job).await.status, JobStatus::Processing);
}

#[actix::test]
async fn an_overdue_job_fails() {
    let rig = Rig::new().await;
    let manifest = Picture::rgb(100, 100, 64, &["invert"]).manifest();
    rig.state.accept(&manifest, support::LONG).await.unwrap();
    rig.state.queue(manifest.job).await.unwrap();
    rig.state.lease(manifest.job, &Token::random(), "rig").await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_JOB_DEADLINE_SECONDS", "1")]);
    until("the job to fail", async || view(&rig, manifest.job).await.status == JobStatus::Failed).await;
    let reason = view(&rig, manifest.job).await.reason.unwrap();
    assert!(reason.contains("job_deadline"), "{reason}");
    let store = Store::open(&rig.store).unwrap();
    until("the end marker", async || store.end(manifest.job).await.unwrap().is_some()).await;
}
