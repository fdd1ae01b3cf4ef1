//! Tiles in any order, over stages and among rubbish, become the picture; what is missing is asked for.

use std::time::{Duration, Instant};

use tessera::bus::records::TileHeader;
use tessera::bus::{Group, Outgoing, Topic};
use tessera::picture::raw::RawRows;
use tessera::store::Object;

use crate::job::{Job, read_rows, resends, tile_record};
use crate::process::Stitcher;
use crate::support::{Picture, Rig, until};
use crate::{picture, shuffled};

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
    assert_eq!(files.len(), 4, "manifest, end marker, one result and its pyramid: {files:?}");
}

/// Sends what is no tile of the job; gives how many of them belong to the dead letters.
async fn send_rubbish(rig: &Rig, job: &Job, index: u32) -> usize {
    let pixels = job.pixels(0, index);
    let good = job.header(0, index, &pixels);
    let mut bad = Vec::new();
    let mut change = |change: &dyn Fn(&mut TileHeader)| {
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
