//! What an owner may do with a job: cancel it, run it again, delete it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde_json::json;
use tessera::bus::records::JobCommand;
use tessera::bus::{Outgoing, Topic};
use tessera::ending::{self, Verdict};
use tessera::job::{JobId, JobStatus, TraceContext};
use tessera::mending::run_again;
use tessera::state::{JobView, Transition};
use tessera::store::Object;

use super::jobs::job;
use crate::http::problem::Problem;
use crate::http::services::Services;

/// `POST /api/v1/jobs/{id}/cancel`.
pub async fn cancel(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    cancel_job(&services, &view).await?;
    Ok(answer(view.job, JobStatus::Cancelled))
}

/// `POST /api/v1/jobs/{id}/retry`.
pub async fn retry(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    retry_job(&services, &view).await?;
    Ok(answer(view.job, JobStatus::Queued))
}

/// `DELETE /api/v1/jobs/{id}`.
pub async fn delete(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    if !view.status.is_terminal() {
        return Err(Problem::Conflict(format!("the job is {}: cancel it before you delete it", view.status)));
    }
    services.admission.check_store()?;
    allowed(services.state.expire(view.job).await?, "deleted")?;
    services.store.delete_job(view.job).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn answer(id: JobId, status: JobStatus) -> HttpResponse {
    HttpResponse::Accepted().json(json!({"id": id, "status": status, "url": format!("/api/v1/jobs/{id}")}))
}

/// Ends an unfinished job.
///
/// # Errors
/// [`Problem::Conflict`] if it has ended otherwise.
pub async fn cancel_job(services: &Services, view: &JobView) -> Result<(), Problem> {
    let job = view.job;
    services.admission.check_store()?;
    let (verdict, keep) = (Verdict::cancelled(job), services.config.limits.keep_results());
    allowed(ending::end(&services.state, &services.store, &verdict, keep).await?, "cancelled")?;
    tell(services, JobCommand::Ended { job }, view.trace).await;
    Ok(())
}

/// Runs a failed or cancelled job again, from its original.
///
/// # Errors
/// [`Problem::Conflict`] if it has not failed, [`Problem::Gone`] if its files are no longer kept.
pub async fn retry_job(services: &Services, view: &JobView) -> Result<(), Problem> {
    let job = view.job;
    if !matches!(view.status, JobStatus::Failed | JobStatus::Cancelled) {
        return Err(refusal(view.status, "run again"));
    }
    services.admission.check_store()?;
    let gone = || Problem::Gone("the job's picture is no longer kept".to_owned());
    let manifest = services.store.manifest(job).await?.ok_or_else(gone)?;
    if let Some(damage) = services.store.check_length(&Object::Original(job), manifest.bytes_in).await? {
        return Err(Problem::Gone(format!("the job's picture is damaged in the store: {damage}")));
    }
    allowed(run_again(&services.state, &services.store, manifest, view.run).await?, "run again")?;
    tell(services, JobCommand::NextStage { job }, view.trace).await;
    Ok(())
}

fn allowed(transition: Transition, done: &str) -> Result<(), Problem> {
    match transition {
        Transition::Made | Transition::AlreadySo => Ok(()),
        Transition::Refused { status: Some(status) } => Err(refusal(status, done)),
        Transition::Refused { status: None } => Err(Problem::NotFound("there is no such job".to_owned())),
    }
}

fn refusal(status: JobStatus, done: &str) -> Problem {
    Problem::Conflict(format!("the job is {status} and cannot be {done}"))
}

/// Wakes the splitter. It would find out by itself, only later.
async fn tell(services: &Services, command: JobCommand, trace: Option<TraceContext>) {
    let job = command.job();
    let (headers, payload) = command.encode();
    let key = Some(job.to_string());
    let record = Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload: payload.into() };
    if let Err(error) = services.producer.send(record.traced(trace.as_ref())).await {
        tracing::warn!(%job, %error, "the splitter was not told, it finds out by itself");
    }
}
