//! Tiles in slots of the store, and what may befall the slots: gone, cut off, flipped, used again, full.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tessera::bus::Topic;

use crate::crews::freeze_in_a_tile;
use crate::metrics::sum;
use crate::records::{records_of, replay_of};
use crate::support::system::topics::written;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];
const TILES: i64 = 30;

/// A picture of 30 tiles in the middle, its tiles in slots.
fn in_the_middle(options: Options, seed: u32) -> Result<(System, Vec<u8>, String)> {
    let system = System::start(&Options { tile_delay_ms: 150, ..options.clone() })?;
    // Until both workers have said that they reach the store, which has its id only since the services began, tiles go in
    // records.
    if options.payload == "auto" {
        wait_for("the workers to say that they reach the store", LONG, || {
            let workers = system.client.get("/api/v1/workers")?.text();
            Ok((workers.matches("\"payload\":\"shared\"").count() == 2).then_some(()))
        })?;
    }
    let picture = pictures::rgb_png(3000, 2500, seed)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    ensure!(of_workers(&system, "worker_task_payloads_total{payload=\"shared\"}")? > 0.0, "no tile came by a slot");
    Ok((system, picture, job))
}

/// A sum over the first two workers.
fn of_workers(system: &System, sample: &str) -> Result<f64> {
    sum(system, &["worker-1", "worker-2"], &format!("tessera_{sample}"))
}

/// A file of slots of the job that is there.
fn slots(system: &System, kind: &str) -> Result<PathBuf> {
    let end = format!("1-0.{kind}");
    let files = system.files("store").into_iter();
    let file = files.into_iter().find(|file| file.file_name().is_some_and(|name| name == end.as_str()));
    Ok(system.folder.path().join("store").join(file.with_context(|| format!("no file {end}"))?))
}

fn no_dead_letters(system: &System) -> Result<()> {
    for letters in [Topic::TasksDlq, Topic::ResultsDlq, Topic::JobsDlq] {
        ensure!(records_of(system, letters)? == 0, "{letters:?} has letters");
    }
    Ok(())
}

#[test]
fn by_themselves_tiles_go_by_slots_and_leave_nothing() -> Result<()> {
    let (system, picture, job) = in_the_middle(Options::default().by("auto"), 201)?;
    slots(&system, "in")?;
    system.compare(&job, &picture, &OPERATIONS)?;
    ensure!(sum(&system, &["stitcher-1"], "tessera_stitcher_payloads_total{payload=\"inline\"}")? == 0.0);
    ensure!(written(&system.kafka, Topic::Tasks)? == TILES && written(&system.kafka, Topic::Results)? == TILES);
    system.leaves_nothing(&[&job])
}

#[test]
fn a_setting_keeps_tiles_in_records() -> Result<()> {
    let system = System::start(&Options::default().by("inline"))?;
    let picture = pictures::rgb_png(1500, 1200, 202)?;
    let job = system.submit_and_compare(&picture, &OPERATIONS)?;
    ensure!(of_workers(&system, "worker_task_payloads_total{payload=\"shared\"}")? == 0.0);
    ensure!(of_workers(&system, "worker_result_payloads_total{payload=\"shared\"}")? == 0.0);
    system.leaves_nothing(&[&job])
}

#[test]
fn a_worker_without_the_store_joins_in_mid_job() -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options { workers: 2, ..Options::default().by("auto") }, 203)?;
    system.start_worker_without_store(3)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    // From now on every tile goes in its record, and the worker that reaches no store has its share.
    let again = pictures::rgb_png(2000, 2000, 204)?;
    wait_for("the worker to work", LONG, || {
        let job = system.submit(&again, &OPERATIONS)?;
        system.compare(&job, &again, &OPERATIONS)?;
        let done = sum(&system, &["worker-3"], "tessera_worker_tiles_total{outcome=\"done\"}")?;
        Ok((done > 0.0).then_some(()))
    })?;
    no_dead_letters(&system)?;
    let answer = system.client.get("/api/v1/workers")?.text();
    ensure!(answer.contains("\"payload\":\"shared\"") && answer.contains("\"payload\":\"inline\""), "{answer}");
    Ok(())
}

/// The setting sends by reference to a worker that cannot read: it asks for each tile once, and gets it.
#[test]
fn a_crew_without_the_store_asks_for_every_tile_and_ends_the_job() -> Result<()> {
    let mut system = System::start(&Options { workers: 0, ..Options::default().by("shared") })?;
    system.start_worker_without_store(1)?;
    system.wait_for_live_workers(1)?;
    let picture = pictures::rgb_png(1500, 1200, 205)?;
    let job = system.submit_and_compare(&picture, &OPERATIONS)?;
    let asked = sum(&system, &["worker-1"], "tessera_worker_tiles_total{outcome=\"asked_inline\"}")?;
    let total: f64 = system.field(&job, "total_tiles")?.unwrap_or_default().parse()?;
    ensure!(asked >= total, "{asked} of {total} tiles were asked for");
    no_dead_letters(&system)?;
    system.leaves_nothing(&[&job])
}

/// Does something to a file of slots in mid-job; the result is the same.
fn survives(seed: u32, kind: &str, harm: impl FnOnce(&std::path::Path) -> Result<()>) -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options::default().by("shared"), seed)?;
    // Nothing is read or written meanwhile, so that the harm meets tiles that are still needed.
    for name in ["worker-1", "worker-2", "stitcher-1"] {
        system.process(name)?.signal(libc::SIGSTOP)?;
    }
    harm(&slots(&system, kind)?)?;
    for name in ["worker-1", "worker-2", "stitcher-1"] {
        system.process(name)?.signal(libc::SIGCONT)?;
    }
    system.compare(&job, &picture, &OPERATIONS)?;
    no_dead_letters(&system)?;
    system.leaves_nothing(&[&job])
}

fn flip(path: &std::path::Path) -> Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    // A byte of the pixels of every slot, whatever its length.
    for at in (2000..length).step_by(100_000) {
        file.seek(SeekFrom::Start(at))?;
        let mut byte = [0];
        std::io::Read::read_exact(&mut file, &mut byte)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&[byte[0] ^ 1])?;
    }
    Ok(())
}

#[test]
fn tasks_whose_slots_are_deleted_are_sent_in_records() -> Result<()> {
    survives(211, "in", |path| Ok(std::fs::remove_file(path)?))
}

#[test]
fn tasks_whose_slots_are_cut_off_or_flipped_are_sent_in_records() -> Result<()> {
    survives(212, "in", |path| Ok(OpenOptions::new().write(true).open(path)?.set_len(5000)?))?;
    survives(213, "in", flip)
}

#[test]
fn results_whose_slots_are_deleted_are_made_again() -> Result<()> {
    survives(214, "out", |path| Ok(std::fs::remove_file(path)?))
}

#[test]
fn results_whose_slots_are_cut_off_or_flipped_are_made_again() -> Result<()> {
    survives(215, "out", |path| Ok(OpenOptions::new().write(true).open(path)?.set_len(5000)?))?;
    survives(216, "out", flip)
}

/// The first tasks come again when their slots hold other tiles: none is run, none is asked for, nothing is condemned.
#[test]
fn a_duplicate_whose_slot_is_used_again_is_dropped() -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options::default().by("shared"), 221)?;
    system.process("monitor")?.signal(libc::SIGSTOP)?;
    wait_for("slots that are used again", LONG, || {
        let received: i64 = system.field(&job, "received_tiles")?.unwrap_or_default().parse()?;
        Ok((received > 8).then_some(()))
    })?;
    let replayed = replay_of(&system, Topic::Tasks, 2)?;
    system.process("monitor")?.signal(libc::SIGCONT)?;
    ensure!(replayed > 8, "{replayed} tasks came again");
    system.compare(&job, &picture, &OPERATIONS)?;
    wait_for("the duplicates to be dropped", LONG, || {
        let skipped = of_workers(&system, "worker_tiles_total{outcome=\"skipped\"}")?;
        Ok((skipped >= 8.0).then_some(()))
    })?;
    ensure!(of_workers(&system, "worker_tiles_total{outcome=\"asked_inline\"}")? == 0.0);
    ensure!(system.field(&job, "passes")?.as_deref() == Some("1"));
    no_dead_letters(&system)?;
    system.leaves_nothing(&[&job])
}

#[test]
fn a_worker_that_wakes_after_the_job_s_end_writes_nowhere() -> Result<()> {
    let (mut system, _, job) = in_the_middle(Options::default().by("shared"), 222)?;
    let worker = format!("{0}worker:{0}worker-1", system.prefix);
    let incarnation: String = redis::Commands::hget(&mut system.connection()?, &worker, "incarnation")?;
    freeze_in_a_tile(&mut system, "worker-1", &job, &incarnation)?;
    ensure!(system.client.post_empty(&format!("/api/v1/jobs/{job}/cancel"))?.status == 202);
    let view = system.wait_for_end(&job, LONG)?;
    ensure!(view["status"] == "cancelled", "{view}");
    let gone = || system.files("store").iter().all(|file| !file.to_string_lossy().contains("1-0."));
    wait_for("the slots to be gone", LONG, || Ok(gone().then_some(())))?;
    system.process("worker-1")?.signal(libc::SIGCONT)?;
    let other = pictures::rgb_png(1500, 1500, 223)?;
    system.submit_and_compare(&other, &OPERATIONS)?;
    // It slept with tiles in hand: once it beats without any, whatever it would have written is written.
    wait_for("the worker to have nothing in hand", LONG, || {
        let busy: Option<u32> = redis::Commands::hget(&mut system.connection()?, &worker, "busy")?;
        Ok((busy == Some(0)).then_some(()))
    })?;
    ensure!(system.files("store").iter().all(|file| !file.to_string_lossy().contains("1-0.")), "slots came back");
    Ok(())
}

/// The other stitcher takes the tiles over: none is sent twice.
#[test]
fn a_stitcher_that_dies_for_good_costs_no_tile() -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options { stitchers: 2, ..Options::default().by("shared") }, 224)?;
    let name = system.field(&job, "stitcher")?.context("no stitcher")?;
    system.kill(&name)?;
    // Its partitions stay its own for 30 s.
    let view = system.wait_for_end(&job, LONG * 2)?;
    ensure!(view["status"] == "done", "{view}");
    system.compare(&job, &picture, &OPERATIONS)?;
    ensure!(system.field(&job, "stitcher")?.is_some_and(|other| other != name), "none took over");
    ensure!(system.field(&job, "passes")?.as_deref() == Some("1"), "the picture was read again");
    ensure!(written(&system.kafka, Topic::Tasks)? == TILES, "tiles were sent again");
    system.leaves_nothing(&[&job])
}

/// Puts a device that is always full where the splitter will make a file of slots, and gives how the job ends.
fn with_full(kind: &str, seed: u32) -> Result<(System, Vec<u8>, String)> {
    let mut system = System::start(&Options::default().by("shared"))?;
    system.process("splitter")?.signal(libc::SIGSTOP)?;
    let picture = pictures::rgb_png(1500, 1200, seed)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    let manifest = system.files("store").into_iter().find(|file| file.ends_with("job.json")).context("no job.json")?;
    let path = system.folder.path().join("store").join(manifest).with_file_name(format!("1-0.{kind}"));
    std::os::unix::fs::symlink("/dev/full", path)?;
    system.process("splitter")?.signal(libc::SIGCONT)?;
    Ok((system, picture, job))
}

#[test]
fn a_disk_that_is_full_for_tasks_sends_them_in_records() -> Result<()> {
    let (system, picture, job) = with_full("in", 231)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    ensure!(of_workers(&system, "worker_task_payloads_total{payload=\"shared\"}")? == 0.0);
    ensure!(of_workers(&system, "worker_result_payloads_total{payload=\"shared\"}")? > 0.0);
    system.leaves_nothing(&[&job])
}

#[test]
fn a_disk_that_is_full_for_results_fails_the_job_with_a_reason() -> Result<()> {
    let (system, _, job) = with_full("out", 232)?;
    let view = system.wait_for_end(&job, LONG)?;
    ensure!(view["status"] == "failed" && view["reason"] == "the store is full", "{view}");
    Ok(())
}
