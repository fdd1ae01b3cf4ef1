//! Peak memory of every process while two giants go through, and small pictures that are sent meanwhile.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::picture::{self, Kind};
use super::processes::System;
use crate::CtlError;
use crate::api::Api;
use crate::job_wait;
use crate::output::Table;
use crate::progress::Progress;

/// What both giants go through: the widest halo of the usual operations.
const STEP: &str = "gaussian_blur:ksize=51";
const SMALL_STEP: &str = "grayscale";
const SMALL_SIDE: u32 = 1024;
/// What no process may exceed, in bytes.
const PEAK_BYTES: u64 = 256 << 20;
const CALM: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Debug)]
pub struct MemoryFigures {
    side: u32,
    names: Vec<String>,
    /// Of each process of the system, in its order.
    peaks: Vec<u64>,
    /// Whether these are of these jobs alone, not since the processes' start.
    peaks_are_of_jobs: bool,
    /// Seconds from the first upload to the ends of the giants and of the small ones.
    giants_s: Vec<f64>,
    small_s: Vec<f64>,
}

/// Sends two giants of `side` pixels and `small` small pictures, and reads the peaks when all are done.
///
/// # Errors
/// If a job does not end as `done`.
pub fn measure(api: &Api, system: &System, folder: &Path, side: u32, small: usize) -> Result<MemoryFigures, CtlError> {
    let giants = [picture::make(folder, side, Kind::Png)?, picture::make(folder, side, Kind::Jpeg)?];
    let little = picture::make(folder, SMALL_SIDE, Kind::Png)?;
    let peaks_are_of_jobs = system.reset_peaks();
    let started = Instant::now();
    let send = |path: &Path, step: &str| {
        let accepted = api.submit(path, &[("op", step.to_owned())], Progress::new())?;
        Ok(accepted["id"].as_str().unwrap_or_default().to_owned())
    };
    let mut jobs = Vec::new();
    for giant in &giants {
        jobs.push(send(&giant.path, STEP)?);
    }
    for _ in 0..small {
        jobs.push(send(&little.path, SMALL_STEP)?);
    }
    let ends = wait_for_all(api, &jobs, started)?;
    let (peaks, names) = (system.peaks(), system.processes.iter().map(|process| process.name.clone()).collect());
    for job in &jobs {
        // A system that cannot delete yet keeps it for its usual time.
        let _ = api.delete(&format!("/jobs/{job}"));
    }
    let (giants_s, small_s) = (ends[..2].to_vec(), ends[2..].to_vec());
    Ok(MemoryFigures { side, names, peaks, peaks_are_of_jobs, giants_s, small_s })
}

/// Seconds until each job was seen as done.
fn wait_for_all(api: &Api, jobs: &[String], started: Instant) -> Result<Vec<f64>, CtlError> {
    let mut ends: Vec<Option<f64>> = vec![None; jobs.len()];
    while ends.iter().any(Option::is_none) {
        for (job, end) in jobs.iter().zip(&mut ends).filter(|(_, end)| end.is_none()) {
            let view = api.get(&format!("/jobs/{job}"))?;
            if job_wait::status(&view)?.is_terminal() {
                job_wait::outcome(job, &view)?;
                *end = Some(started.elapsed().as_secs_f64());
            }
        }
        thread::sleep(CALM);
    }
    Ok(ends.into_iter().flatten().collect())
}

impl MemoryFigures {
    fn small_end_first(&self) -> bool {
        let first_giant = self.giants_s.iter().copied().fold(f64::INFINITY, f64::min);
        self.small_s.iter().all(|end| *end < first_giant)
    }

    /// For people.
    pub fn render(&self, is_own: impl Fn(usize) -> bool) -> String {
        let mut table = Table::new(&["", "peak MiB", ""]);
        for (i, (name, peak)) in self.names.iter().zip(&self.peaks).enumerate() {
            let reach = match (is_own(i), *peak <= PEAK_BYTES) {
                (false, _) => "",
                (true, true) => "reached: at most 256",
                (true, false) => "MISSED: at most 256",
            };
            table.row([format!("  {name}"), (peak >> 20).to_string(), reach.to_owned()]);
        }
        let scope = if self.peaks_are_of_jobs { "" } else { " (peaks since the processes' start)" };
        let list = |ends: &[f64]| ends.iter().map(|end| format!("{end:.1}")).collect::<Vec<_>>().join(" ");
        format!(
            "a PNG and a JPEG of {} x {0}, {STEP}: done after {} s; {} of {SMALL_SIDE} x {SMALL_SIDE} meanwhile: after {} s ({}){scope}\n{}",
            self.side,
            list(&self.giants_s),
            self.small_s.len(),
            list(&self.small_s),
            if self.small_end_first() { "reached: before the large ones" } else { "MISSED: before the large ones" },
            table.render()
        )
    }

    /// Every single figure.
    pub fn to_json(&self) -> Value {
        json!({
            "side": self.side,
            "processes": self.names,
            "peak_bytes": self.peaks,
            "giants_s": self.giants_s,
            "small_s": self.small_s,
        })
    }
}
