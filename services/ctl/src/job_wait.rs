//! Following a job of the running system to its end, and what that means for an exit code.
//!
//! By its events while they come, and by asking while they do not; a break is resumed where it was.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tessera::job::JobStatus;

use crate::CtlError;
use crate::api::Api;
use crate::events::{Event, EventStream, Watched};
use crate::output;

/// Between two questions while there are no events, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long the system may be away before waiting for it is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// What a follower of a job is told.
#[derive(Debug)]
pub enum News<'a> {
    /// An event; the job as it is now, if it is known.
    Event(&'a Event, &'a Value),
    /// There are no events now; this is the job.
    Asked(&'a Value),
    /// The system does not answer; says what was tried.
    Away(&'a str),
}

/// Follows the job until it has ended, and gives it. A system that is away for a while is asked again.
///
/// # Errors
/// If the job is unknown, or the system stays away.
pub fn follow(api: &Api, id: &str, tell: &mut dyn FnMut(News<'_>)) -> Result<Value, CtlError> {
    let mut watched = Watched::default();
    let (mut pause, mut heard) = (FIRST_PAUSE, Instant::now());
    loop {
        if listen(api, id, &mut watched, tell)? {
            (pause, heard) = (FIRST_PAUSE, Instant::now());
        }
        match api.get(&format!("/jobs/{id}")) {
            Ok(job) => {
                heard = Instant::now();
                if status(&job)?.is_terminal() {
                    return Ok(job);
                }
                tell(News::Asked(&job));
            }
            Err(CtlError::Unreachable(text)) if heard.elapsed() > LONGEST_SILENCE => {
                return Err(CtlError::Unreachable(text));
            }
            Err(CtlError::Unreachable(text)) => tell(News::Away(&text)),
            Err(error) => return Err(error),
        }
        thread::sleep(pause);
        pause = (pause * 5 / 4).min(LONGEST_PAUSE);
    }
}

/// Tells of events until the stream ends or breaks; whether any came.
fn listen(api: &Api, id: &str, watched: &mut Watched, tell: &mut dyn FnMut(News<'_>)) -> Result<bool, CtlError> {
    let body = match api.events(id, watched.last_id.as_deref()) {
        Ok(Some(body)) => body,
        // The end is known already, or the system has no place or no answer for a watcher now.
        Ok(None) | Err(CtlError::Unreachable(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut stream = EventStream::new(body);
    let mut any = false;
    while let Ok(Some(event)) = stream.next_event() {
        any |= watched.take(&event);
        tell(News::Event(&event, &watched.job));
    }
    Ok(any)
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
