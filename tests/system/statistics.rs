//! Operations that need numbers of the whole picture: measured in a stage of their own, kept, filled in.

use anyhow::Result;
use redis::Commands;

use super::records::replay;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const OPERATIONS: [&str; 4] = ["contrast:factor=2", "gaussian_blur:ksize=9", "equalize", "rotate"];

/// Waits until a job is at stage `stage`.
fn wait_for_stage(system: &System, job: &str, stage: &str) -> Result<()> {
    wait_for(&format!("stage {stage}"), LONG, || {
        Ok((system.field(job, "stage")?.as_deref() == Some(stage)).then_some(()))
    })
}

#[test]
fn measured_chains_come_out_as_the_reference() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(1537, 1100, 51)?;
    let job = system.submit_and_compare(&picture, &OPERATIONS)?;
    assert_eq!(system.field(&job, "stages")?.as_deref(), Some("3"));
    for (stage, count) in [(0, 1), (1, 256)] {
        let numbers = system.field(&job, &format!("numbers:{stage}"))?.unwrap_or_default();
        assert_eq!(numbers.split('/').filter(|number| number.parse::<u8>().is_ok()).count(), count, "{numbers}");
    }
    system.submit_and_compare(&picture, &["contrast", "otsu", "equalize"])?;
    // What a tile measures of 16 bit takes half a megabyte.
    let deep = pictures::png(500, 400, png::ColorType::Rgb, png::BitDepth::Sixteen, &pictures::rgb(1000, 400, 57))?;
    system.submit_and_compare(&deep, &["autocontrast", "otsu"])?;
    // Measured of the picture itself, of rows between two cuts, and of a picture of one tile.
    let wide = "gaussian_blur:ksize=255";
    system.submit_and_compare(&pictures::rgb_png(900, 700, 52)?, &["contrast", wide, wide, wide, "contrast"])?;
    system.submit_and_compare(&pictures::rgb_png(100, 1, 53)?, &["invert", "contrast"])?;
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))?;
    let rows = system.files("store").into_iter().filter(|file| file.to_string_lossy().contains("rows")).count();
    assert_eq!(rows, 0, "rows between stages stay in the store");
    Ok(())
}

#[test]
fn replaying_all_partial_results_twice_changes_nothing() -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 100, ..Options::default() })?;
    let picture = pictures::rgb_png(2000, 1600, 54)?;
    // It would remove the results that are to be replayed.
    system.process("monitor")?.signal(libc::SIGSTOP)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    wait_for_stage(&system, &job, "1")?;
    let replayed = replay(&system, 2)?;
    system.process("monitor")?.signal(libc::SIGCONT)?;
    // All of the first stage, which has ended: 4 x 4 tiles.
    assert!(replayed >= 16, "{replayed} results to replay");
    system.compare(&job, &picture, &OPERATIONS)
}

#[test]
fn a_stitcher_killed_between_two_stages_is_survived() -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 100, ..Options::default() })?;
    let picture = pictures::rgb_png(2000, 1600, 55)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    for stage in ["1", "2"] {
        wait_for_stage(&system, &job, stage)?;
        system.kill("stitcher-1")?;
        system.restart("stitcher-1")?;
    }
    system.compare(&job, &picture, &OPERATIONS)?;
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))
}

#[test]
fn a_job_whose_numbers_are_lost_with_redis_is_measured_again() -> Result<()> {
    let system = System::start(&Options { tile_delay_ms: 100, ..Options::default() })?;
    let picture = pictures::rgb_png(2000, 1600, 56)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    wait_for_stage(&system, &job, "2")?;
    let mut redis = system.connection()?;
    let keys: Vec<String> = redis.keys(format!("{}*", system.prefix))?;
    let _: () = redis.del(keys)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    assert!(system.field(&job, "numbers:1")?.is_some(), "measured again");
    Ok(())
}
