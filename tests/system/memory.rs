//! Memory is bounded by settings: giants wait for each other, no process grows with a picture, and small
//! pictures come through meanwhile.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tessera::picture::codec::ResultFormat;
use tessera::picture::jpeg::JpegSettings;

use crate::support::pictures::{self, Painter};
use crate::support::system::{Options, System};

/// The largest memory that a process may ever have had.
const PEAK_BYTES: u64 = 256 << 20;
const GIANT_LIMIT: Duration = Duration::from_secs(150);
const BLUR: &str = "gaussian_blur:ksize=51";

fn finished_at(system: &System, job: &str) -> Result<String> {
    let view = system.wait_for_end(job, GIANT_LIMIT)?;
    ensure!(view["status"] == "done", "job {job} ended as {view}");
    system.field(job, "finished_at")?.context("no finished_at")
}

#[test]
fn two_giants_wait_for_each_other_and_a_small_picture_for_neither() -> Result<()> {
    let settings = [("TESSERA_MEMORY_BUDGET", (48 << 20).to_string()), ("TESSERA_SPLITTER_PASSES", "3".to_owned())];
    let environment = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut system = System::start(&Options { tile_delay_ms: 20, environment, ..Options::default() })?;
    // Its band takes most of what the budget leaves for large pictures.
    let giants = [pictures::rgb_png(9_000, 1_400, 61)?, pictures::rgb_png(9_000, 1_400, 62)?];
    let small = pictures::rgb_png(400, 300, 63)?;
    let jobs = [system.submit(&giants[0], &["invert"])?, system.submit(&giants[1], &["invert"])?];
    system.wait_for_middle(&jobs[0])?;
    let little = system.submit_and_compare(&small, &["grayscale"])?;
    let ends = [finished_at(&system, &jobs[0])?, finished_at(&system, &jobs[1])?];
    let last = ends.iter().max().context("two ends")?;
    ensure!(finished_at(&system, &little)? < *last, "the small picture came after both giants");
    for (job, giant) in jobs.iter().zip(&giants) {
        system.compare(job, giant, &["invert"])?;
    }
    let log = system.process("splitter")?.log_tail(usize::MAX);
    ensure!(log.contains("the job waits for memory"), "the giants did not wait for each other");
    Ok(())
}

/// As wide as a picture of 268 megapixels: what is held grows with a picture's width, or it is not bounded.
#[test]
fn no_process_exceeds_256_mib_and_small_pictures_end_first() -> Result<()> {
    let mut system = System::start(&Options::default())?;
    let painter = Painter { width: 16_384, height: 3_072, seed: 64 };
    let png = painter.paint(ResultFormat::Png)?;
    let jpeg = painter.paint(ResultFormat::Jpeg(JpegSettings::default()))?;
    let small = pictures::rgb_png(700, 600, 65)?;
    let giants = [system.submit(&png, &[BLUR])?, system.submit(&jpeg, &[BLUR])?];
    let jobs: Vec<String> = (0..10).map(|_| system.submit(&small, &["grayscale"])).collect::<Result<_>>()?;
    let first = giants.iter().map(|giant| finished_at(&system, giant)).collect::<Result<Vec<String>>>()?;
    let first = first.iter().min().context("two giants")?;
    for job in &jobs {
        ensure!(finished_at(&system, job)? < *first, "a small picture ended after a giant");
    }
    for name in system.names() {
        let peak = system.process(&name)?.peak_memory_bytes()?;
        eprintln!("{name}: {} MiB", peak >> 20);
        ensure!(peak <= PEAK_BYTES, "{name} had {} MiB", peak >> 20);
    }
    for (job, giant, end) in [(&giants[0], &png, "png"), (&giants[1], &jpeg, "jpg")] {
        ensure!(system.result(job)? == system.reference_as(giant, &[BLUR], (end, end))?, "{end}: other bytes");
    }
    Ok(())
}
