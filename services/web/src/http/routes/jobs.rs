//! Jobs: sent, listed, looked at and changed; their tiles and files.

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;
use tessera::job::{JobId, JobStatus};

use crate::http::jobs::find::{ListQuery, find, job};
use crate::http::jobs::json::{JobJson, NO_WORKER};
use crate::http::jobs::tiles::{self, TilesQuery};
use crate::http::jobs::{cancel, delete, files, retry};
use crate::http::problem::Problem;
use crate::http::services::Services;
use crate::http::upload::{Default, upload};

/// What the sender of a picture is told.
#[derive(Debug, Serialize)]
struct AcceptedJson {
    id: JobId,
    status: JobStatus,
    url: String,
    events: String,
    result: String,
    total_tiles: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

/// `POST /api/v1/jobs`.
pub async fn post(services: Data<Services>, request: HttpRequest, body: Payload) -> Result<HttpResponse, Problem> {
    let accepted = upload(&services, &request, body, Default::Refuse).await?;
    let url = format!("/api/v1/jobs/{}", accepted.job);
    let answer = AcceptedJson {
        id: accepted.job,
        status: accepted.status,
        events: format!("{url}/events"),
        result: format!("{url}/result"),
        total_tiles: accepted.total_tiles,
        notice: (!services.admission.has_workers() && !accepted.status.is_terminal()).then_some(NO_WORKER),
        url: url.clone(),
    };
    let mut response = HttpResponse::Accepted();
    for header in accepted.trace_header() {
        response.insert_header(header);
    }
    Ok(response.insert_header((header::LOCATION, url)).json(answer))
}

/// `GET /api/v1/jobs`.
pub async fn list(services: Data<Services>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let listed = find(&services, &query).await?;
    let has_workers = services.admission.has_workers();
    let jobs: Vec<JobJson> = listed.jobs.iter().map(|view| JobJson::new(view, has_workers)).collect();
    Ok(HttpResponse::Ok().json(json!({"jobs": jobs, "next": listed.next})))
}

/// `GET /api/v1/jobs/{id}`.
pub async fn get(services: Data<Services>, id: Path<String>) -> Result<Json<JobJson>, Problem> {
    let view = job(&services, &id).await?;
    Ok(Json(JobJson::new(&view, services.admission.has_workers())))
}

/// `GET /api/v1/jobs/{id}/tiles`.
pub async fn tiles(
    services: Data<Services>,
    id: Path<String>,
    query: Query<TilesQuery>,
) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    Ok(HttpResponse::Ok().json(tiles::find(&services, &view, &query).await?))
}

/// `GET /api/v1/jobs/{id}/result`.
pub async fn result(services: Data<Services>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    files::send_result(&services, &request, &view).await
}

/// `GET /api/v1/jobs/{id}/original`.
pub async fn original(
    services: Data<Services>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    files::send_original(&services, &request, &view).await
}

/// `POST /api/v1/jobs/{id}/cancel`.
pub async fn cancel(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    cancel::cancel(&services, &view).await?;
    Ok(changed(view.job, JobStatus::Cancelled))
}

/// `POST /api/v1/jobs/{id}/retry`.
pub async fn retry(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    retry::retry(&services, &view).await?;
    Ok(changed(view.job, JobStatus::Queued))
}

fn changed(id: JobId, status: JobStatus) -> HttpResponse {
    HttpResponse::Accepted().json(json!({"id": id, "status": status, "url": format!("/api/v1/jobs/{id}")}))
}

/// `DELETE /api/v1/jobs/{id}`.
pub async fn delete(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    delete::delete(&services, &view).await?;
    Ok(HttpResponse::NoContent().finish())
}
