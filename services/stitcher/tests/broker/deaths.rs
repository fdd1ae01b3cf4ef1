//! Stitchers that are killed, asked to stop or fenced off, and encoders that fail or stand still: a stage ends all the same.

use std::time::{Duration, Instant};

use tessera::bus::{Group, Outgoing, Topic};
use tessera::job::JobStatus;

use crate::job::{Job, resends};
use crate::process::{Stitcher, unfinished};
use crate::support::{Rig, until};
use crate::{picture, shuffled};

#[actix::test]
async fn the_completing_record_is_committed_only_after_the_end_also_over_a_kill() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let stitcher = Stitcher::start(&rig, "one");
    let last = job.tiles() - 1;
    job.send(&rig, 0..last).await;
    rig.caught_up(Group::Stitchers).await;
    // The store takes nothing for this job: its folder is a file.
    let (folder, away) = (job.folder(), job.folder().with_extension("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "").unwrap();
    job.send(&rig, [last]).await;
    until("the job to be finishing", async || job.view(&rig).await.status == JobStatus::Finishing).await;
    rig.send(Outgoing { key: None, partition: None, ..job.record(0, 0) }).await;
    until("the rubbish behind it to be buried", async || !rig.all(Topic::ResultsDlq).is_empty()).await;
    assert!(unfinished(&rig).await >= 1, "the completing record is held");
    stitcher.kill();
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    let _stitcher = Stitcher::start(&rig, "one");
    job.until_done(&rig).await;
    rig.caught_up(Group::Stitchers).await;
    assert!(resends(&rig, job.id()).is_empty(), "its spool was still there");
}

#[actix::test]
async fn a_result_that_cannot_be_written_is_begun_anew() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 0..2).await;
    job.until_received(&rig, 2).await;
    let (folder, away) = (job.folder(), job.folder().with_extension("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "").unwrap();
    job.send(&rig, 2..job.tiles()).await;
    until("the job to be finishing", async || job.view(&rig).await.status == JobStatus::Finishing).await;
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    job.until_done(&rig).await;
}

#[actix::test]
async fn a_killed_stitcher_goes_on_with_its_spool() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let order = shuffled(job.tiles());
    let mut sent = 0;
    for part in order.chunks(order.len().div_ceil(4)) {
        let stitcher = Stitcher::start(&rig, "one");
        job.send(&rig, part.iter().copied()).await;
        sent += part.len() as u32;
        if sent < job.tiles() {
            job.until_received(&rig, sent).await;
            stitcher.kill();
        } else {
            job.until_done(&rig).await;
        }
    }
    assert!(resends(&rig, job.id()).is_empty());
}

#[actix::test]
async fn a_stitcher_asked_to_stop_ends_well_and_another_start_goes_on() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 0..10).await;
    rig.caught_up(Group::Stitchers).await;
    let begun = Instant::now();
    assert!(stitcher.terminate().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "nothing was under way");
    assert!(!rig.folder.path().join("run/one.addr").exists());
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 10..job.tiles()).await;
    job.until_done(&rig).await;
    assert!(resends(&rig, job.id()).is_empty());
}

#[actix::test]
async fn a_spool_that_is_lost_is_asked_for_again() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 0..10).await;
    rig.caught_up(Group::Stitchers).await;
    stitcher.kill();
    std::fs::remove_dir_all(job.spool(&rig, "one")).unwrap();
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 10..11).await;
    until("tiles to be asked for", async || resends(&rig, job.id()).len() == 1).await;
    job.until_received(&rig, 1).await;
    job.send(&rig, (0..job.tiles()).filter(|index| *index != 10)).await;
    job.until_done(&rig).await;
}

#[actix::test]
async fn another_stitcher_takes_over_and_the_first_one_is_fenced() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let one = Stitcher::start(&rig, "one");
    job.send(&rig, 0..10).await;
    rig.caught_up(Group::Stitchers).await;
    // As if another stitcher had claimed the job: its mark fences the first one's.
    rig.mark(job.id(), 0, &[0]).await;
    job.send(&rig, 10..11).await;
    until("tiles to be asked for", async || resends(&rig, job.id()).len() == 1).await;
    job.send(&rig, (0..job.tiles()).filter(|index| *index != 10)).await;
    job.until_done(&rig).await;
    rig.caught_up(Group::Stitchers).await;
    one.kill();
}

/// The encoder opens the job's description, which is a pipe that nobody ever writes to.
#[actix::test]
async fn a_stage_whose_encoder_stands_still_is_encoded_by_another() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, [0]).await;
    job.until_received(&rig, 1).await;
    let (manifest, aside) = (job.folder().join("job.json"), rig.folder.path().join("job.json"));
    std::fs::rename(&manifest, &aside).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&manifest).status().unwrap().success());
    job.send(&rig, 1..job.tiles()).await;
    let log = rig.folder.path().join("one.log");
    until("the encoder to be left", async || std::fs::read_to_string(&log).unwrap().contains("stands still")).await;
    std::fs::rename(&aside, &manifest).unwrap();
    job.until_done(&rig).await;
}
