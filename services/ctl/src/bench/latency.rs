//! How long a small picture takes on the idle system, from the start of its upload until it is seen as done.

use std::path::Path;
use std::time::{Duration, Instant};

use super::compare::run_job;
use super::picture::{self, Kind};
use crate::CtlError;
use crate::api::Api;

const SIDE: u32 = 1024;
const OFTEN: Duration = Duration::from_millis(4);

/// Seconds of each job, in order of their start.
///
/// # Errors
/// If a job does not end as `done`.
pub fn measure(api: &Api, folder: &Path, count: u32) -> Result<Vec<f64>, CtlError> {
    let picture = picture::make(folder, SIDE, Kind::Png)?;
    let steps = ["grayscale".to_owned()];
    let mut seconds = Vec::new();
    for run in 0..=count {
        let started = Instant::now();
        let job = run_job(api, &picture.path, &steps, OFTEN)?;
        let taken = started.elapsed().as_secs_f64();
        let _ = api.delete(&format!("/jobs/{}", job["id"].as_str().unwrap_or_default()));
        if run > 0 {
            seconds.push(taken);
        }
    }
    Ok(seconds)
}
