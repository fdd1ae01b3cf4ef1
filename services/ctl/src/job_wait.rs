//! Waiting for a job of the running system, and what its end means for an exit code.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tessera::job::JobStatus;

use crate::CtlError;
use crate::api::Api;
use crate::output;
use crate::progress::{Progress, percent};

/// How often the system is asked, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long the system may be away before waiting for it is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// Waits until the job has ended. A system that is away for a while is asked again.
///
/// # Errors
/// If the job is unknown, or the system stays away.
pub fn wait_for_end(api: &Api, id: &str) -> Result<Value, CtlError> {
    let mut progress = Progress::new();
    let mut pause = FIRST_PAUSE;
    let mut heard = Instant::now();
    loop {
        match api.get(&format!("/jobs/{id}")) {
            Ok(job) => {
                heard = Instant::now();
                if status(&job)?.is_terminal() {
                    return Ok(job);
                }
                progress.show(|| describe(&job));
            }
            Err(CtlError::Unreachable(text)) if heard.elapsed() > LONGEST_SILENCE => {
                return Err(CtlError::Unreachable(text));
            }
            Err(CtlError::Unreachable(text)) => progress.show(|| text),
            Err(error) => return Err(error),
        }
        thread::sleep(pause);
        pause = (pause * 5 / 4).min(LONGEST_PAUSE);
    }
}

/// The job's status.
///
/// # Errors
/// If the answer has none that is known here.
pub fn status(job: &Value) -> Result<JobStatus, CtlError> {
    let word = job["status"].as_str().unwrap_or_default();
    word.parse().map_err(|_| CtlError::Failed(format!("reading a job: its status is {:?}", output::clean(word))))
}

/// Success only for `done`.
///
/// # Errors
/// [`CtlError::Failed`] with the job's reason.
pub fn outcome(id: &str, job: &Value) -> Result<(), CtlError> {
    match status(job)? {
        JobStatus::Done => Ok(()),
        other => Err(CtlError::Failed(format!("job {id} is {other}: {}", output::field(job, "reason")))),
    }
}

/// Received and total tiles of the job's present stage.
pub fn tiles(job: &Value) -> (u64, u64) {
    let number = |name: &str| job[name].as_u64().or_else(|| job[name].as_str()?.parse().ok()).unwrap_or(0);
    (number("received_tiles"), number("total_tiles"))
}

fn describe(job: &Value) -> String {
    let (received, total) = tiles(job);
    let notice = job["notice"].as_str().map(|text| format!("; {}", output::clean(text))).unwrap_or_default();
    format!("{}: {received} of {total} tiles ({} %){notice}", output::field(job, "status"), percent(received, total))
}
