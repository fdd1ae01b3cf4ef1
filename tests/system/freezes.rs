//! Each service frozen or absent in mid-job, and back: the job moves again within a minute, and ends `done` with the same
//! bytes.
//!
//! `ops/test` tries the times that differ most; `ops/test faults` all of them, and says for each how long it took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];
/// How soon a job must move when all services are there again.
const MOVES_WITHIN: Duration = Duration::from_secs(60);
/// All times that `ops/test faults` tries.
const SECONDS: [u64; 7] = [20, 25, 30, 35, 40, 50, 60];

/// What befalls a service.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// SIGSTOP, and SIGCONT later.
    Frozen,
    /// SIGKILL, and started again later.
    Absent,
}

/// A system of one worker, so that it is missed while it is away, whose tiles take their time; a picture, and what is to
/// come of it.
struct Stage {
    system: System,
    picture: Vec<u8>,
    expected: Vec<u8>,
}

impl Stage {
    fn new() -> Result<Self> {
        let system = System::start(&Options { workers: 1, tile_delay_ms: 200, ..Options::default() })?;
        let picture = pictures::rgb_png(3000, 2500, 51)?;
        let expected = system.reference(&picture, &OPERATIONS)?;
        Ok(Self { system, picture, expected })
    }
}

/// Where a job is: what changes when it moves.
fn place(system: &System, job: &str) -> Result<[Option<String>; 3]> {
    Ok([system.field(job, "status")?, system.field(job, "received_tiles")?, system.field(job, "progress_ms")?])
}

/// Sends the picture as a client does that is told to come again later: what happens before the fault is not tried here.
fn submit(system: &System, picture: &[u8]) -> Result<String> {
    wait_for("the picture to be taken", LONG, || match system.post("picture.png", picture, &OPERATIONS)? {
        answer if answer.status == 503 => Ok(None),
        answer if answer.status == 202 => Ok(answer.json()?["id"].as_str().map(str::to_owned)),
        answer => bail!("{}: {}", answer.status, answer.text()),
    })
}

/// Takes a service away in the middle of a job of 30 tiles, of which 8 may be out, and gives it back after `seconds`.
fn survives(stage: &mut Stage, name: &str, fault: Fault, seconds: u64) -> Result<()> {
    let Stage { system, picture, expected } = stage;
    let job = submit(system, picture)?;
    system.wait_for_middle(&job)?;
    let (gone, limit) = (Instant::now(), Duration::from_secs(seconds));
    match fault {
        Fault::Frozen => system.process(name)?.signal(libc::SIGSTOP)?,
        Fault::Absent => system.kill(name)?,
    }
    wait_for("the time to pass", limit + LONG, || Ok((gone.elapsed() >= limit).then_some(())))?;
    let before = place(system, &job)?;
    match fault {
        Fault::Frozen => system.process(name)?.signal(libc::SIGCONT)?,
        Fault::Absent => system.restart(name)?,
    }
    let back = Instant::now();
    system.wait_until_ready()?;
    let ready = back.elapsed();
    wait_for("the job to move", MOVES_WITHIN, || {
        let now = place(system, &job)?;
        Ok((now != before || now[0].as_deref() == Some("done")).then_some(()))
    })?;
    let moved = back.elapsed();
    let view = system.wait_for_end(&job, LONG)?;
    let done = back.elapsed().as_secs_f32();
    ensure!(view["status"] == "done", "job {job} ended as {view}");
    ensure!(system.result(&job)? == *expected, "job {job}: other bytes than `tessera run`");
    let (ready, moved) = (ready.as_secs_f32(), moved.as_secs_f32());
    println!("| {name} | {fault:?} | {seconds} s | ready {ready:.1} s | moves {moved:.1} s | done {done:.1} s |");
    Ok(())
}

/// One service and fault after the other, on a thread each, with a system of its own.
fn all_survive(cases: &[&[(&str, Fault, u64)]]) -> Result<()> {
    std::thread::scope(|scope| {
        let run = |cases: &[(&str, Fault, u64)]| -> Result<()> {
            let mut stage = Stage::new()?;
            for (name, fault, seconds) in cases {
                let case = || format!("{name} {fault:?} for {seconds} s");
                survives(&mut stage, name, *fault, *seconds).with_context(case)?;
            }
            Ok(())
        };
        let threads: Vec<_> = cases.iter().map(|cases| scope.spawn(move || run(cases))).collect();
        let ends: Vec<Result<()>> =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("it panicked"))).collect();
        let wrong: Vec<String> = ends.into_iter().filter_map(|end| Some(format!("{:#}", end.err()?))).collect();
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
}

#[test]
fn a_service_that_is_away_in_mid_job_and_comes_back_is_survived() -> Result<()> {
    all_survive(&[
        &[("stitcher-1", Fault::Frozen, 35)],
        &[("stitcher-1", Fault::Absent, 35)],
        &[("splitter", Fault::Frozen, 13), ("monitor", Fault::Frozen, 7), ("web", Fault::Frozen, 3)],
        &[("worker-1", Fault::Frozen, 20)],
    ])
}

fn every_time(name: &str, fault: Fault) -> Result<()> {
    let mut stage = Stage::new()?;
    for seconds in SECONDS {
        let case = || format!("{name} {fault:?} for {seconds} s");
        survives(&mut stage, name, fault, seconds).with_context(case)?;
    }
    Ok(())
}

macro_rules! every_time {
    ($($test:ident: $name:literal, $fault:ident;)*) => {$(
        #[test]
        #[ignore = "takes six minutes: run by ops/test faults"]
        fn $test() -> Result<()> {
            every_time($name, Fault::$fault)
        }
    )*};
}

every_time! {
    a_frozen_stitcher: "stitcher-1", Frozen;
    an_absent_stitcher: "stitcher-1", Absent;
    a_frozen_splitter: "splitter", Frozen;
    an_absent_splitter: "splitter", Absent;
    a_frozen_worker: "worker-1", Frozen;
    an_absent_worker: "worker-1", Absent;
    a_frozen_monitor: "monitor", Frozen;
    an_absent_monitor: "monitor", Absent;
    a_frozen_web: "web", Frozen;
    an_absent_web: "web", Absent;
}
