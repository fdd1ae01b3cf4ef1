//! Peak memory of every process while one large picture goes through.

use std::path::Path;
use std::time::{Duration, Instant};

use super::compare::run_job;
use super::picture::{self, Picture};
use super::processes::System;
use crate::CtlError;
use crate::api::Api;

/// What was seen.
#[derive(Debug)]
pub struct MemoryFigures {
    pub picture: Picture,
    pub wall_s: f64,
    pub cpu_s: Vec<f64>,
    /// Of each process of the system, in its order.
    pub peaks: Vec<u64>,
    /// Whether these are of this job alone, not since the processes' start.
    pub peaks_are_of_job: bool,
}

const CALM: Duration = Duration::from_millis(100);

/// Sends a gray job of `side` pixels, and reads the peaks at its end.
///
/// # Errors
/// If the job does not end as `done`.
pub fn measure(api: &Api, system: &System, folder: &Path, side: u32) -> Result<MemoryFigures, CtlError> {
    let picture = picture::make(folder, side)?;
    let peaks_are_of_job = system.reset_peaks();
    let before = system.cpu();
    let started = Instant::now();
    let job = run_job(api, &picture.path, &["grayscale".to_owned()], CALM)?;
    let wall_s = started.elapsed().as_secs_f64();
    system.wait_for_rest();
    let cpu_s = system.cpu().iter().zip(&before).map(|(after, before)| (after - before).max(0.0)).collect();
    let peaks = system.peaks();
    let _ = api.delete(&format!("/jobs/{}", job["id"].as_str().unwrap_or_default()));
    Ok(MemoryFigures { picture, wall_s, cpu_s, peaks, peaks_are_of_job })
}
