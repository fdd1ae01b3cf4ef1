//! What every change of a job ends with: Redis's answer in words, and a word to the splitter.

use tessera::bus::records::JobCommand;
use tessera::bus::{Outgoing, Topic};
use tessera::job::{JobStatus, TraceContext};
use tessera::state::Transition;

use crate::http::problem::Problem;
use crate::http::services::Services;

/// Whether Redis made the change; `done` completes "the job is … and cannot be".
pub(super) fn allowed(transition: Transition, done: &str) -> Result<(), Problem> {
    match transition {
        Transition::Made | Transition::AlreadySo => Ok(()),
        Transition::Refused { status: Some(status) } => Err(refusal(status, done)),
        Transition::Refused { status: None } => Err(Problem::NotFound("there is no such job".to_owned())),
    }
}

/// Why a job of that status cannot be changed so.
pub(super) fn refusal(status: JobStatus, done: &str) -> Problem {
    Problem::Conflict(format!("the job is {status} and cannot be {done}"))
}

/// Wakes the splitter. It would find out by itself, only later.
pub(super) async fn tell(services: &Services, command: JobCommand, trace: Option<TraceContext>) {
    let job = command.job();
    let (headers, payload) = command.encode();
    let key = Some(job.to_string());
    let record = Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload: payload.into() };
    if let Err(error) = services.producer.send(record.traced(trace.as_ref())).await {
        tracing::warn!(%job, %error, "the splitter was not told, it finds out by itself");
    }
}
