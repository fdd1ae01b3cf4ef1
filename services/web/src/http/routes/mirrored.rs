//! The three calls of the system whose shape we mirror, for its scripts: `/upload`, `/status`, `/final`.
//!
//! Same jobs, other words. Refusals are plain text here, because that is what those scripts print.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};
use tessera::job::{JobId, JobStatus};
use tessera::operation::Chain;
use tessera::state::JobView;
use tessera::store::Object;

use crate::http::jobs::files::send_result;
use crate::http::jobs::find::job;
use crate::http::jobs::json::result_object;
use crate::http::problem::Problem;
use crate::http::services::Services;
use crate::http::upload::{self, Default};

/// `POST /upload`: the field `image`, made gray.
pub async fn upload(services: Data<Services>, request: HttpRequest, body: Payload) -> Result<HttpResponse, Problem> {
    let gray = Chain::parse(&["grayscale"], 1)?;
    match upload::upload(&services, &request, body, Default::Always(gray)).await {
        Ok(accepted) => Ok(HttpResponse::Ok().json(json!({
            "message": "the picture was accepted",
            "job_id": accepted.job,
            "total_tiles": accepted.total_tiles,
        }))),
        Err(problem) => Ok(as_text(&problem)),
    }
}

fn as_text(problem: &Problem) -> HttpResponse {
    let status = match problem {
        Problem::UnsupportedMedia(_) | Problem::Unprocessable(_) => StatusCode::BAD_REQUEST,
        other => other.status_code(),
    };
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = problem.retry_after() {
        response.insert_header((actix_web::http::header::RETRY_AFTER, seconds));
    }
    response.content_type("text/plain; charset=utf-8").body(format!("{problem}\n"))
}

/// `GET /status/{id}`.
pub async fn status(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let found = match id.parse::<JobId>() {
        Ok(job) => services.state.job(job).await?,
        Err(_) => None,
    };
    let Some(view) = found else {
        let id: String = id.chars().take(64).collect();
        return Ok(HttpResponse::NotFound().json(json!({"error": "there is no such job", "job_id": id})));
    };
    let workers = services.state.workers().await?;
    let word = |alive| if alive { "alive" } else { "dead" };
    let workers = workers.iter().map(|worker| (worker.worker.to_string(), word(worker.alive))).collect();
    Ok(HttpResponse::Ok().json(described(&view, &workers)))
}

fn described(view: &JobView, workers: &BTreeMap<String, &str>) -> Value {
    let status = match view.status {
        JobStatus::Done => "complete",
        JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => "failed",
        _ => "processing",
    };
    let mut answer = json!({
        "status": status,
        "total_tiles": view.total_tiles,
        "received_tiles": view.received_tiles,
        "workers": workers,
    });
    if let (JobStatus::Done, Some(name)) = (view.status, result_object(view).and_then(|object| object.public_name())) {
        answer["url"] = format!("/final/{name}").into();
    }
    answer
}

/// `GET /final/{name}`.
pub async fn result(
    services: Data<Services>,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::NotFound("there is no such file".to_owned());
    let object = Object::from_public_name(&name).map_err(|_| unknown())?;
    let view = job(&services, &object.job().to_string()).await?;
    if view.status == JobStatus::Done && result_object(&view) != Some(object) {
        return Err(unknown());
    }
    send_result(&services, &request, &view).await
}
