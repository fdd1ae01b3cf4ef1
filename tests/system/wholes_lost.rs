//! Whole pictures whose worker, or another service, goes away in the middle, that are cancelled, or that no worker can run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};
use crate::wholes::{OPERATIONS, in_the_middle, is_whole, no_dead_letters, results, until_in_hand, until_shared};

#[test]
fn its_worker_is_killed_and_another_runs_it() -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options::default(), 311)?;
    let worker = until_in_hand(&system, &job, 100)?;
    system.kill(&worker)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    ensure!(system.field(&job, "worker")?.is_some_and(|other| !other.ends_with(&worker)), "nobody took over");
    is_whole(&system, &job)?;
    no_dead_letters(&system)
}

#[test]
fn its_worker_is_asked_to_stop_and_another_runs_it() -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options::default(), 312)?;
    let worker = until_in_hand(&system, &job, 100)?;
    system.process(&worker)?.signal(libc::SIGTERM)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    is_whole(&system, &job)?;
    no_dead_letters(&system)
}

#[test]
fn its_worker_is_frozen_and_wakes_when_another_has_done_it() -> Result<()> {
    let (mut system, picture, job) = in_the_middle(Options::default(), 313)?;
    let worker = until_in_hand(&system, &job, 100)?;
    system.process(&worker)?.signal(libc::SIGSTOP)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    system.process(&worker)?.signal(libc::SIGCONT)?;
    system.submit_and_compare(&picture, &OPERATIONS)?;
    // What it made for nothing does not stay.
    wait_for("one result for each job", LONG, || {
        let done = system.client.get("/api/v1/jobs?status=done&limit=200")?.text().matches("\"id\":").count();
        Ok((results(&system).len() == done).then_some(()))
    })?;
    no_dead_letters(&system)
}

#[test]
fn every_other_service_is_killed_in_the_middle() -> Result<()> {
    for (name, seed) in [("splitter", 314), ("stitcher-1", 315), ("monitor", 316), ("web", 317)] {
        let (mut system, picture, job) = in_the_middle(Options::default(), seed)?;
        system.kill(name)?;
        system.restart(name)?;
        system.compare(&job, &picture, &OPERATIONS).with_context(|| name.to_owned())?;
        is_whole(&system, &job)?;
        no_dead_letters(&system)?;
    }
    Ok(())
}

#[test]
fn a_cancelled_one_is_put_down_within_a_second_and_leaves_nothing() -> Result<()> {
    let (system, _, job) = in_the_middle(Options::default(), 321)?;
    let before = results(&system).len();
    ensure!(system.client.post_empty(&format!("/api/v1/jobs/{job}/cancel"))?.status == 202);
    let cancelled = Instant::now();
    let worker = system.field(&job, "worker")?.context("no worker")?;
    let tries = format!("{}:tries:0", system.job_key(&job));
    wait_for("the worker to put it down", LONG, || {
        let held: u64 = redis::Commands::hlen(&mut system.connection()?, &tries)?;
        Ok((held == 0).then_some(()))
    })?;
    // A delay of the test and a look of a quarter of a second; another second for a busy machine.
    ensure!(cancelled.elapsed() < Duration::from_secs(2), "{worker} went on for {:?}", cancelled.elapsed());
    wait_for("what it had written to be gone", LONG, || {
        let unfinished = system.files("store").into_iter().filter(|file| file.to_string_lossy().contains('#')).count();
        Ok((unfinished == 0 && results(&system).len() == before).then_some(()))
    })?;
    no_dead_letters(&system)
}

#[test]
fn what_no_worker_can_run_whole_is_started_over_in_tiles() -> Result<()> {
    for payload in ["shared", "auto"] {
        let grain = ("TESSERA_GRAIN".to_owned(), "whole".to_owned());
        let options = Options { workers: 1, environment: vec![grain], ..Options::default() };
        let mut system = System::start(&options.by(payload))?;
        until_shared(&system)?;
        system.process("splitter")?.signal(libc::SIGSTOP)?;
        let picture = pictures::rgb_png(1500, 1200, 331)?;
        let job = system.submit(&picture, &["contrast", "gaussian_blur:ksize=15"])?;
        is_whole(&system, &job)?;
        system.process("worker-1")?.signal(libc::SIGTERM)?;
        wait_for("the worker to end", LONG, || Ok(system.process("worker-1")?.has_ended()?.map(|_| ())))?;
        system.start_worker_without_store(3)?;
        system.wait_for_live_workers(1)?;
        system.process("splitter")?.signal(libc::SIGCONT)?;
        system.compare(&job, &picture, &["contrast", "gaussian_blur:ksize=15"]).context(payload)?;
        let view = system.job(&job)?;
        ensure!(view["grain"] == "tiles" && view["run"] == 2, "{view}");
        no_dead_letters(&system)?;
    }
    Ok(())
}

#[test]
fn one_that_ends_its_workers_again_and_again_is_condemned() -> Result<()> {
    let (mut system, _, job) = in_the_middle(Options { workers: 1, ..Options::default() }, 332)?;
    for death in 1..=3 {
        let worker = format!("{0}worker:{0}worker-1", system.prefix);
        let started: String = redis::Commands::hget(&mut system.connection()?, &worker, "incarnation")?;
        let tries = format!("{}:tries:0", system.job_key(&job));
        wait_for("this start of the worker to have it", LONG, || {
            let held: Option<String> = redis::Commands::hget(&mut system.connection()?, &tries, "0")?;
            Ok(held
                .is_some_and(|starts| starts.split(',').count() == death && starts.ends_with(&started))
                .then_some(()))
        })?;
        system.kill("worker-1")?;
        system.restart("worker-1")?;
        wait_for("the worker's next start to be heard", LONG, || {
            let now: Option<String> = redis::Commands::hget(&mut system.connection()?, &worker, "incarnation")?;
            Ok(now.is_some_and(|now| now != started).then_some(()))
        })?;
    }
    let view = system.wait_for_end(&job, LONG)?;
    ensure!(view["status"] == "failed", "{view}");
    ensure!(
        view["reason"].as_str().is_some_and(|reason| reason.contains("3 workers ended while they ran it")),
        "{view}"
    );
    let other = pictures::rgb_png(700, 500, 333)?;
    system.submit_and_compare(&other, &OPERATIONS).map(drop)
}

/// The second waits at the only worker for longer than the monitor lets a job stand still.
#[test]
fn one_that_waits_for_its_turn_is_not_taken_for_stuck() -> Result<()> {
    let more = [("TESSERA_GRAIN", "whole"), ("TESSERA_STALL_MS", "4000")];
    let environment = more.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = Options { workers: 1, tile_delay_ms: 300, environment, ..Options::default() };
    let system = System::start(&options.by("auto"))?;
    until_shared(&system)?;
    let picture = pictures::rgb_png(1500, 2500, 341)?;
    let first = system.submit(&picture, &OPERATIONS)?;
    until_in_hand(&system, &first, 1)?;
    let second = system.submit(&picture, &OPERATIONS)?;
    for job in [&first, &second] {
        system.compare(job, &picture, &OPERATIONS)?;
        is_whole(&system, job)?;
        ensure!(system.field(job, "passes")?.as_deref() == Some("1"), "it was sent once more");
    }
    Ok(())
}
