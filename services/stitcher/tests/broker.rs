//! A stitcher's process on a real Kafka and Redis: order, duplicates, rubbish, death, damage and drain.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use bench::{Job, Stitcher, asked_with_pixels, read_rows, resends, tile_record, unfinished};
use support::{Picture, Rig, until};
use tessera::bus::records::{PayloadKind, TileHeader};
use tessera::bus::{Group, Outgoing, Topic};
use tessera::job::JobStatus;
use tessera::picture::raw::RawRows;
use tessera::store::Object;

fn picture() -> Picture {
    Picture::rgb(300, 260, 64, &["gaussian_blur:ksize=5", "invert"])
}

/// A fixed order without any pattern.
fn shuffled(tiles: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..tiles).collect();
    order.sort_by_key(|index| index.wrapping_mul(2_654_435_761).rotate_left(7) % 65_521);
    order
}

#[actix::test]
async fn tiles_in_any_order_twice_and_among_rubbish_give_the_picture() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let _stitcher = Stitcher::start(&rig, "one");
    let order = shuffled(job.tiles());
    let (first, rest) = order.split_at(order.len() / 2);
    let notices = ["found while the picture was read".to_owned()];
    rig.state.add_notices(job.id(), &notices).await.unwrap();
    job.send(&rig, first.iter().copied()).await;
    job.send(&rig, first.iter().copied()).await;
    let refused = send_rubbish(&rig, &job, rest[0]).await;
    job.send(&rig, rest.iter().copied()).await;
    job.until_done(&rig).await;
    job.send(&rig, order.iter().copied()).await;
    rig.caught_up(Group::Stitchers).await;
    assert_eq!(rig.all(Topic::ResultsDlq).len(), refused);
    assert_eq!(job.until_done(&rig).await.received_tiles, job.tiles());
    assert!(resends(&rig, job.id()).is_empty());
    until("the spool to be removed", async || !job.spool(&rig, "one").exists()).await;
    let mut files: Vec<String> =
        job.folder().read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(job.store.end(job.id()).await.unwrap().unwrap().notices, notices, "they outlive redis");
    assert_eq!(files.len(), 3, "manifest, end marker and one result: {files:?}");
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

/// Sends what is no tile of the job; gives how many of them belong to the dead letters.
async fn send_rubbish(rig: &Rig, job: &Job, index: u32) -> usize {
    let pixels = job.pixels(0, index);
    let good = job.header(0, index, &pixels);
    let mut bad = Vec::new();
    let mut change = |change: &dyn Fn(&mut tessera::bus::records::TileHeader)| {
        let mut header = good.clone();
        change(&mut header);
        bad.push(tile_record(&header, pixels.clone()));
    };
    change(&|header| header.plan = "0000000000000000".parse().unwrap());
    change(&|header| header.crc32c ^= 1);
    change(&|header| header.stage = 5);
    change(&|header| header.index = 100_000);
    change(&|header| header.width = u32::MAX);
    change(&|header| header.index = job.tiles() - 1);
    let key = Some(job.id().to_string());
    let empty = |headers, payload: &'static [u8]| {
        let (key, payload) = (key.clone(), payload.into());
        Outgoing { topic: Topic::Results, key, partition: None, headers, payload }
    };
    bad.push(empty(Vec::new(), b"rubbish"));
    bad.push(empty(vec![("schema", "tile/1.0".to_owned())], b""));
    bad.push(empty(vec![("schema", "tile/2.0".to_owned()), ("tile", "{}".to_owned())], b""));
    bad.push(empty(vec![("check", "{".to_owned())], b""));
    let mut of_another_key = tile_record(&good, pixels.clone());
    of_another_key.key = Some("x".to_owned());
    bad.push(of_another_key);
    let refused = bad.len();
    let mut unknown = good.clone();
    unknown.job = tessera::job::JobId::random();
    bad.push(tile_record(&unknown, pixels.clone()));
    for record in bad {
        rig.send(record).await;
    }
    refused
}

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
async fn a_check_asks_for_what_is_missing_and_finishes_what_is_there() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 0..4).await;
    job.until_received(&rig, 4).await;
    job.check(&rig).await;
    until("tiles to be asked for", async || resends(&rig, job.id()).len() == 1).await;
    let reason = resends(&rig, job.id()).remove(0);
    assert!(reason.contains(&format!("4 of {} tiles", job.tiles())), "{reason}");
    rig.caught_up(Group::Stitchers).await;
    stitcher.kill();
    // All tiles are in the spool and marked, but no record is left that says so.
    let claim = std::fs::read_to_string(job.spool(&rig, "one").join("spool_id")).unwrap();
    let stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 4..job.tiles() - 1).await;
    rig.caught_up(Group::Stitchers).await;
    assert_eq!(std::fs::read_to_string(job.spool(&rig, "one").join("spool_id")).unwrap(), claim);
    drop(stitcher);
    let _stitcher = Stitcher::start(&rig, "one");
    job.check(&rig).await;
    until("the missing tile to be asked for", async || resends(&rig, job.id()).len() == 2).await;
    job.send(&rig, [job.tiles() - 1]).await;
    job.until_done(&rig).await;
}

#[actix::test]
async fn an_ended_job_leaves_nothing_in_the_spool() {
    let rig = Rig::new().await;
    let job = Job::new(&rig, &picture()).await;
    let _stitcher = Stitcher::start(&rig, "one");
    job.send(&rig, 0..4).await;
    job.until_received(&rig, 4).await;
    assert!(job.spool(&rig, "one").exists());
    rig.state.cancel(job.id(), Duration::from_secs(60)).await.unwrap();
    until("the spool to be removed", async || !job.spool(&rig, "one").exists()).await;
    job.send(&rig, 4..6).await;
    rig.caught_up(Group::Stitchers).await;
    assert!(!job.spool(&rig, "one").exists());
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

#[actix::test]
async fn stages_follow_each_other_through_rows_in_the_store() {
    let rig = Rig::new().await;
    let mut picture = Picture::rgb(200, 190, 64, &["gaussian_blur:ksize=61", "gaussian_blur:ksize=61", "invert"]);
    picture.limits.max_record_bytes = 90_000;
    let job = Job::new(&rig, &picture).await;
    assert_eq!(job.manifest.plan.stages.len(), 2, "{:?}", job.manifest.plan);
    let _stitcher = Stitcher::start(&rig, "one");
    for index in shuffled(job.tiles()) {
        rig.send(job.record(0, index)).await;
    }
    until("the next stage", async || job.view(&rig).await.stage == 1).await;
    let rows: Object = job.view(&rig).await.rows.unwrap().parse().unwrap();
    let bytes = job.store.get(&rows).await.unwrap().unwrap();
    assert!(read_rows(&mut RawRows::open(bytes.as_ref()).unwrap()) == job.pictures[1], "the rows differ");
    job.send(&rig, [0]).await;
    for index in shuffled(job.stage(1).grid().tiles()) {
        rig.send(job.record(1, index)).await;
    }
    job.until_done(&rig).await;
    until("the rows to be removed", async || job.store.size(&rows).await.unwrap().is_none()).await;
    rig.caught_up(Group::Stitchers).await;
}

#[actix::test]
async fn many_small_jobs_and_one_large_one_all_end() {
    let rig = Rig::new().await;
    let large = Job::new(&rig, &Picture::rgb(3000, 3000, 512, &["invert"])).await;
    let mut small = Vec::new();
    for _ in 0..20 {
        small.push(Job::new(&rig, &Picture::rgb(60, 50, 64, &["invert"])).await);
    }
    let stitcher = Stitcher::start(&rig, "one");
    large.send(&rig, 0..1).await;
    large.until_received(&rig, 1).await;
    let begun = Instant::now();
    large.send(&rig, 1..large.tiles() - 1).await;
    for job in &small {
        job.send(&rig, 0..1).await;
    }
    for job in &small {
        job.until_done(&rig).await;
    }
    large.send(&rig, [large.tiles() - 1]).await;
    large.until_done(&rig).await;
    println!("{} large tiles and 20 jobs in {:?}", large.tiles(), begun.elapsed());
    let peak = stitcher.peak_memory_bytes();
    println!("peak memory {} MiB", peak >> 20);
    assert!(peak < 200 << 20, "{peak} bytes");
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
