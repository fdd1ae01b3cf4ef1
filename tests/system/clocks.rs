//! Each service in turn with its clock two hours ahead and two hours behind, in mid-job: no process's own clock decides
//! anything, so that jobs are done, with the same bytes, and nothing ends, expires or is set aside early.
//!
//! By libfaketime. Offsets beyond an hour: so much may a record's time differ from a broker's clock, and so long are
//! results kept here.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use tessera::bus::Topic;

use crate::records::records_of;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=9"];

/// What has to be preloaded for threads to see another time: `faketime` knows where it is.
fn preload() -> Result<String> {
    let shown = Command::new("faketime").args(["-m", "-f", "+0s", "printenv", "LD_PRELOAD"]).output();
    let shown = shown.context("faketime is missing: apt-get install faketime, or run ops/test, which does")?;
    let library = String::from_utf8(shown.stdout)?.trim().to_owned();
    ensure!(!library.is_empty(), "faketime preloads nothing");
    Ok(library)
}

/// Starts a service again, as after a crash, with a clock that is off, or with its own for `None`.
fn restart_at(system: &mut System, name: &str, clock: Option<(&str, &str)>) -> Result<()> {
    system.kill(name)?;
    let environment = &mut system.process(name)?.recipe.environment;
    environment.retain(|name, _| !["LD_PRELOAD", "FAKETIME"].contains(&name.as_str()));
    if let Some((library, offset)) = clock {
        environment.insert("LD_PRELOAD".to_owned(), library.to_owned());
        environment.insert("FAKETIME".to_owned(), offset.to_owned());
    }
    system.restart(name)?;
    system.wait_until_ready()
}

fn each_in_turn(offset: &str) -> Result<()> {
    let library = preload()?;
    let environment = [("TESSERA_KEEP_RESULTS_HOURS", "1"), ("TESSERA_JANITOR_SECONDS", "1")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut system = System::start(&Options { workers: 1, tile_delay_ms: 60, environment, ..Options::default() })?;
    let picture = pictures::rgb_png(2000, 1500, 111)?;
    let expected = system.reference(&picture, &OPERATIONS)?;
    let mut jobs = Vec::new();
    for name in ["monitor", "splitter", "web", "stitcher-1", "worker-1"] {
        // One that sees the clock jump, and one that knows no other.
        jobs.push(system.submit(&picture, &OPERATIONS)?);
        system.wait_for_middle(&jobs[jobs.len() - 1])?;
        restart_at(&mut system, name, Some((&library, offset))).with_context(|| {
            format!(
                "{name} with its clock at {offset}; if librdkafka was built before .cargo/config.toml said how: \
                 cargo clean -p rdkafka-sys, with --release for that profile"
            )
        })?;
        jobs.push(system.submit(&picture, &OPERATIONS)?);
        for job in &jobs {
            let view = system.wait_for_end(job, LONG)?;
            ensure!(view["status"] == "done", "{name} with its clock at {offset}: {view}");
            ensure!(system.result(job)? == expected, "{name} with its clock at {offset}: job {job} has other bytes");
        }
        // A worker that is killed right after its last tile leaves a note of it, for as long as its job is kept.
        system.leaves_nothing(&jobs.iter().map(String::as_str).collect::<Vec<_>>())?;
        restart_at(&mut system, name, None)?;
    }
    for letters in [Topic::TasksDlq, Topic::ResultsDlq, Topic::JobsDlq] {
        ensure!(records_of(&system, letters)? == 0, "{letters:?} has letters");
    }
    let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
    system.leaves_nothing(&jobs)
}

#[test]
fn a_service_whose_clock_is_ahead_harms_nothing() -> Result<()> {
    each_in_turn("+2h")
}

#[test]
fn a_service_whose_clock_is_behind_harms_nothing() -> Result<()> {
    each_in_turn("-2h")
}
