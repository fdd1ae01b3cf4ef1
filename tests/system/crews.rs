//! Several of each service: some are killed, frozen, added or removed in mid-job, and the others take over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use redis::Commands;
use tessera::bus::Topic;

use crate::metrics::sum;
use crate::records::records_of;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];
/// How soon the tiles of a killed worker are with others: a session of 3.5 s, and dividing anew.
const TAKEN_WITHIN: Duration = Duration::from_secs(7);
/// A drain, which ends by itself after 15 s.
const DRAIN_LIMIT: Duration = Duration::from_secs(25);

fn in_the_middle(options: &Options, seed: u32) -> Result<(System, Vec<u8>, String)> {
    let system = System::start(options)?;
    let picture = pictures::rgb_png(3000, 2500, seed)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    Ok((system, picture, job))
}

#[test]
fn of_two_splitters_and_two_stitchers_one_each_dies_for_good() -> Result<()> {
    one_each_dies("inline")?;
    one_each_dies("shared")
}

fn one_each_dies(payload: &str) -> Result<()> {
    let options = Options { splitters: 2, stitchers: 2, tile_delay_ms: 150, ..Options::default().by(payload) };
    let (mut system, picture, job) = in_the_middle(&options, 91)?;
    for role in ["splitter", "stitcher"] {
        let name = system.field(&job, role)?.with_context(|| format!("the job has no {role}"))?;
        system.kill(&name)?;
    }
    // A stitcher's partitions stay its own for 30 s, so that it finds its spool again when it comes back.
    let view = system.wait_for_end(&job, LONG * 2)?;
    ensure!(view["status"] == "done", "{view}");
    system.compare(&job, &picture, &OPERATIONS)?;
    system.submit_and_compare(&pictures::rgb_png(700, 700, 92)?, &OPERATIONS)?;
    Ok(())
}

#[test]
fn a_worker_that_was_frozen_past_its_death_does_no_harm() -> Result<()> {
    frozen_past_its_death("inline")?;
    frozen_past_its_death("shared")
}

fn frozen_past_its_death(payload: &str) -> Result<()> {
    let options = Options { tile_delay_ms: 150, ..Options::default().by(payload) };
    let (mut system, picture, job) = in_the_middle(&options, 93)?;
    let key = format!("{0}worker:{0}worker-1", system.prefix);
    system.process("worker-1")?.signal(libc::SIGSTOP)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    let (result, finished) = (system.result(&job)?, system.field(&job, "finished_at")?);
    wait_for("the frozen worker to count as dead", LONG, || {
        let is_known: bool = system.connection()?.exists(&key)?;
        Ok((!is_known).then_some(()))
    })?;
    let before = sum(&system, &["worker-2"], "tessera_kafka_assigned_partitions{topic=\"tasks\"}")?;
    ensure!(before == 16.0, "worker-2 has {before} of 16 partitions");
    system.process("worker-1")?.signal(libc::SIGCONT)?;
    wait_for("the worker to be back at work", LONG, || {
        let has_work = sum(&system, &["worker-1"], "tessera_kafka_assigned_partitions{topic=\"tasks\"}")?;
        let is_known: bool = system.connection()?.exists(&key)?;
        Ok((is_known && has_work > 0.0 && has_work < 16.0).then_some(()))
    })?;
    // A job behind its late results shows that they have been read.
    let other = system.submit_and_compare(&pictures::rgb_png(1500, 1500, 94)?, &OPERATIONS)?;
    ensure!(system.result(&job)? == result, "a late result changed the picture");
    assert_eq!(system.field(&job, "finished_at")?, finished);
    for letters in [Topic::TasksDlq, Topic::ResultsDlq, Topic::JobsDlq] {
        assert_eq!(records_of(&system, letters)?, 0, "{letters:?}");
    }
    system.leaves_nothing(&[&job, &other])
}

/// The tiles in hand: by index, the incarnations that took them.
fn in_hand(system: &System, job: &str) -> Result<BTreeMap<u32, String>> {
    Ok(system.connection()?.hgetall(format!("{}:tries:0", system.job_key(job)))?)
}

/// Freezes a worker while it has tiles in hand, and gives those.
pub fn freeze_in_a_tile(system: &mut System, name: &str, job: &str, incarnation: &str) -> Result<Vec<u32>> {
    wait_for("a tile in the worker's hand", LONG, || {
        system.process(name)?.signal(libc::SIGSTOP)?;
        let hands = in_hand(system, job)?.into_iter();
        let held: Vec<u32> = hands.filter(|(_, takers)| takers.contains(incarnation)).map(|(tile, _)| tile).collect();
        if held.is_empty() {
            system.process(name)?.signal(libc::SIGCONT)?;
            return Ok(None);
        }
        Ok(Some(held))
    })
}

/// Kills a worker that has tiles of a job in hand; gives how many, and after how long others had taken all.
fn kill_in_a_tile(system: &mut System, name: &str, job: &str) -> Result<(usize, Duration)> {
    let key = format!("{0}worker:{0}{name}", system.prefix);
    let incarnation: String = system.connection()?.hget(key, "incarnation")?;
    let orphans = freeze_in_a_tile(system, name, job, &incarnation)?;
    let killed = Instant::now();
    system.kill(name)?;
    let took = wait_for("others to take the tiles", LONG, || {
        let hands = in_hand(system, job)?;
        // One that is in no hand any more has been finished by another.
        let is_taken = |tile: &u32| hands.get(tile).is_none_or(|takers| *takers != incarnation);
        Ok(orphans.iter().all(is_taken).then(|| killed.elapsed()))
    })?;
    Ok((orphans.len(), took))
}

/// With four slots the other worker is soon through what lies before the orphans: that time is the delay's doing.
fn two_workers_with_four_slots() -> Options {
    let environment = vec![("TESSERA_SLOTS".to_owned(), "4".to_owned())];
    Options { tile_delay_ms: 150, environment, ..Options::default() }
}

/// Other work on the machine makes it later, never sooner: of up to three killed workers the one counts whose tiles were
/// taken soonest.
#[test]
fn the_tiles_of_a_killed_worker_are_taken_by_others_within_seven_seconds() -> Result<()> {
    let (mut system, picture, mut job) = in_the_middle(&two_workers_with_four_slots(), 95)?;
    let mut jobs = Vec::new();
    let mut soonest = Duration::MAX;
    for name in ["worker-1", "worker-2", "worker-1"] {
        let (tiles, took) = kill_in_a_tile(&mut system, name, &job)?;
        eprintln!("{tiles} tiles of {name}, which was killed, were taken by others after {took:?}");
        soonest = took.min(soonest);
        system.compare(&job, &picture, &OPERATIONS)?;
        jobs.push(std::mem::take(&mut job));
        if soonest < TAKEN_WITHIN {
            break;
        }
        system.restart(name)?;
        wait_for_both(&mut system)?;
        job = system.submit(&picture, &OPERATIONS)?;
        system.wait_for_middle(&job)?;
    }
    ensure!(soonest < TAKEN_WITHIN, "the tiles of a killed worker were taken after {soonest:?} at the soonest");
    system.leaves_nothing(&jobs.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Waits until both workers have their share of the partitions.
fn wait_for_both(system: &mut System) -> Result<()> {
    system.wait_until_ready()?;
    wait_for("both workers to have partitions", LONG, || {
        let of = |name| sum(system, &[name], "tessera_kafka_assigned_partitions{topic=\"tasks\"}");
        Ok((of("worker-1")? == 8.0 && of("worker-2")? == 8.0).then_some(()))
    })
}

#[test]
#[ignore = "takes five minutes: run by ops/test faults"]
fn the_tiles_of_twenty_killed_workers_are_taken_by_others_within_seven_seconds() -> Result<()> {
    let mut system = System::start(&two_workers_with_four_slots())?;
    let picture = pictures::rgb_png(3000, 2500, 97)?;
    let expected = system.reference(&picture, &OPERATIONS)?;
    let mut late = Vec::new();
    for run in 1..=20 {
        let name = if run % 2 == 0 { "worker-2" } else { "worker-1" };
        let job = system.submit(&picture, &OPERATIONS)?;
        system.wait_for_middle(&job)?;
        let (tiles, took) = kill_in_a_tile(&mut system, name, &job)?;
        let load = std::fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or_default();
        println!("| {run} | {name} | {tiles} tiles | taken after {:.2} s | load {load} |", took.as_secs_f32());
        if took >= TAKEN_WITHIN {
            late.push((run, took));
        }
        let view = system.wait_for_end(&job, LONG)?;
        ensure!(view["status"] == "done" && system.result(&job)? == expected, "run {run}: {view}");
        system.restart(name)?;
        wait_for_both(&mut system)?;
    }
    ensure!(late.is_empty(), "taken too late: {late:?}");
    Ok(())
}

#[test]
fn a_worker_that_joins_gets_tiles_and_one_that_leaves_loses_none() -> Result<()> {
    let options = Options { tile_delay_ms: 500, ..Options::default() };
    let (mut system, picture, job) = in_the_middle(&options, 96)?;
    system.start_worker(3)?;
    wait_for("the new worker to run a tile", LONG, || {
        ensure!(system.job(&job)?["status"] != "done", "the job ended before the new worker had a tile");
        let Ok(done) = sum(&system, &["worker-3"], "tessera_worker_tiles_total{outcome=\"done\"}") else {
            return Ok(None);
        };
        Ok((done > 0.0).then_some(()))
    })?;
    let status = system.process("worker-1")?.terminate(DRAIN_LIMIT)?;
    ensure!(status.success(), "worker-1 ended with {status}");
    system.compare(&job, &picture, &OPERATIONS)?;
    system.leaves_nothing(&[&job])
}

#[test]
fn every_service_is_stopped_under_load_and_no_job_is_lost() -> Result<()> {
    let options = Options { splitters: 2, stitchers: 2, tile_delay_ms: 150, ..Options::default() };
    let mut system = System::start(&options)?;
    let pictures = (0..4).map(|n| pictures::rgb_png(1600, 1100, 100 + n)).collect::<Result<Vec<_>>>()?;
    let jobs = pictures.iter().map(|picture| system.submit(picture, &OPERATIONS)).collect::<Result<Vec<_>>>()?;
    system.wait_for_middle(&jobs[0])?;
    for name in ["stitcher-1", "splitter", "worker-1", "splitter-2", "stitcher-2", "worker-2", "monitor", "web"] {
        let status = system.process(name)?.terminate(DRAIN_LIMIT)?;
        ensure!(status.success(), "{name} ended with {status}\n{}", system.process(name)?.log_tail(30));
        system.restart(name)?;
    }
    for (job, picture) in jobs.iter().zip(&pictures) {
        system.compare(job, picture, &OPERATIONS)?;
    }
    system.leaves_nothing(&jobs.iter().map(String::as_str).collect::<Vec<_>>())
}
