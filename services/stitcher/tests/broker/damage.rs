//! Tiles, slots, keys and descriptions that are wrong: the tile is asked for again, or its job alone fails.

use tessera::bus::records::{PayloadKind, TileHeader};
use tessera::bus::{Group, Topic};
use tessera::job::JobStatus;

use crate::job::{Job, asked_with_pixels, resends, tile_record};
use crate::picture;
use crate::process::Stitcher;
use crate::support::{self, Rig, until};

#[actix::test]
async fn a_damaged_slot_is_found_and_its_tile_sent_again() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let stitcher = Stitcher::start(&rig, "one");
    // Of each strip one tile is missing, so that nothing is encoded yet.
    let columns = job.stage(0).grid().columns();
    let missing: Vec<u32> = (0..job.tiles()).step_by(columns as usize).collect();
    job.send(&rig, (0..job.tiles()).filter(|index| !missing.contains(index))).await;
    rig.caught_up(Group::Stitchers).await;
    stitcher.kill();
    let path = job.spool(&rig, "one").join("slots");
    let mut slots = std::fs::read(&path).unwrap();
    let slot = slots.len() / job.tiles() as usize;
    slots[slot * 2 + slot / 2] ^= 1;
    std::fs::write(&path, slots).unwrap();
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, missing).await;
    until("the tile to be asked for", async || resends(&rig, job.id()).len() == 1).await;
    until("the mark to be cleared", async || job.view(&rig).await.status == JobStatus::Processing).await;
    job.send(&rig, [2]).await;
    job.until_done(&rig).await;
}

/// This stage lies in the stitcher's own spool, as its first tile came in a record.
#[actix::test]
async fn a_tile_that_is_not_in_the_slot_it_is_said_to_be_in_is_asked_for_with_its_pixels() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, [0]).await;
    job.until_received(&rig, 1).await;
    let named = TileHeader { payload: PayloadKind::Shared, ..job.header(0, 3, &job.pixels(0, 3)) };
    rig.send(tile_record(&named, Vec::new())).await;
    until("the tile to be asked for", async || resends(&rig, job.id()).len() == 1).await;
    assert_eq!(asked_with_pixels(&rig, job.id()), [[3]]);
    job.send(&rig, 1..job.tiles()).await;
    job.until_done(&rig).await;
}

#[actix::test]
async fn a_tile_with_other_bytes_is_asked_for_once_and_fails_the_job_the_second_time() {
    let rig = Rig::new().await;
    let _stitcher = Stitcher::start(&rig, "one");
    for fails in [false, true] {
        let job = Job::new(&rig, &picture()).await;
        job.send(&rig, [3]).await;
        job.until_received(&rig, 1).await;
        let mut other = job.pixels(0, 3);
        other[0] ^= 1;
        let other = || tile_record(&job.header(0, 3, &other), other.clone());
        rig.send(other()).await;
        until("the tile to be asked for", async || resends(&rig, job.id()).len() == 1).await;
        job.until_received(&rig, 0).await;
        job.send(&rig, [3]).await;
        job.until_received(&rig, 1).await;
        if fails {
            rig.send(other()).await;
            let reason = job.until_failed(&rig).await;
            assert!(reason.contains("tile 3 of stage 0"), "{reason}");
            until("the spool to be removed", async || !job.spool(&rig, "one").exists()).await;
        } else {
            job.send(&rig, (0..job.tiles()).filter(|index| *index != 3)).await;
            job.until_done(&rig).await;
        }
    }
    rig.caught_up(Group::Stitchers).await;
}

#[actix::test]
async fn tiles_of_a_run_that_is_over_are_not_used_in_the_next() {
    let rig = Rig::new().await;
    let _stitcher = Stitcher::start(&rig, "one");
    let job = Job::new(&rig, &picture()).await;
    let wrong = |index: u32| {
        let mut pixels = job.pixels(0, index);
        pixels[0] ^= 1;
        tile_record(&job.header(0, index, &pixels), pixels)
    };
    rig.send(wrong(0)).await;
    rig.send(wrong(1)).await;
    job.until_received(&rig, 2).await;
    // The pass found that what it had read was not what was sent.
    assert!(rig.state.begin_anew(job.id(), &support::lease(), 2, "for a test").await.unwrap().is_so());
    rig.send(wrong(2)).await;
    for index in 0..job.tiles() {
        let pixels = job.pixels(0, index);
        let header = TileHeader { run: 2, ..job.header(0, index, &pixels) };
        rig.send(tile_record(&header, pixels)).await;
    }
    rig.send(wrong(3)).await;
    job.until_done(&rig).await;
    assert!(resends(&rig, job.id()).is_empty());
    rig.caught_up(Group::Stitchers).await;
}

#[actix::test]
async fn a_job_with_a_key_of_another_kind_fails_with_a_reason_and_its_neighbours_are_done() {
    let rig = Rig::new().await;
    let _stitcher = Stitcher::start(&rig, "one");
    for key in ["", ":tiles:0", ":by:0", ":tries:0", ":events"] {
        let (bad, good) = (Job::new(&rig, &picture()).await, Job::new(&rig, &picture()).await);
        bad.send(&rig, 0..4).await;
        bad.until_received(&rig, 4).await;
        rig.spoil(&format!("job:{{{}}}{key}", bad.id()));
        // The jobs' records go to all partitions; those of the good one lie among those of the bad one.
        for index in 0..good.tiles() {
            bad.send(&rig, [index]).await;
            good.send(&rig, [index]).await;
        }
        good.until_done(&rig).await;
        let is_essential = ["", ":tiles:0"].contains(&key);
        if is_essential {
            until("the job to fail", async || {
                rig.state.job(bad.id()).await.is_ok_and(|view| view.is_some_and(|view| view.status.is_terminal()))
            })
            .await;
            let reason = bad.until_failed(&rig).await;
            assert!(reason.contains("damaged") && reason.contains("retry the job"), "{key}: {reason}");
        } else {
            bad.until_done(&rig).await;
        }
        rig.caught_up(Group::Stitchers).await;
    }
}

#[actix::test]
async fn tiles_of_a_job_whose_description_cannot_be_read_are_set_aside_and_hold_up_no_other() {
    let rig = Rig::new().await;
    let (bad, good) = (Job::new(&rig, &picture()).await, Job::new(&rig, &picture()).await);
    let path = bad.folder().join("job.json");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let _stitcher = Stitcher::start(&rig, "one");
    bad.send(&rig, [0]).await;
    good.send(&rig, 0..good.tiles()).await;
    good.until_done(&rig).await;
    let reason = bad.until_failed(&rig).await;
    assert!(reason.contains("tile 0 of stage 0: 5 attempts were in vain"), "{reason}");
    let letters = rig.records(Topic::ResultsDlq, 1);
    assert_eq!(letters[0].headers.get("error-class"), Some("spent"));
    assert_eq!(letters[0].headers.get("attempts"), Some("5"));
    rig.caught_up(Group::Stitchers).await;
}
