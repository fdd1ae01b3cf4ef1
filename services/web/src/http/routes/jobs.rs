//! Jobs: sent, listed and looked at.

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tessera::job::{JobId, JobStatus};
use tessera::state::{JobView, Order};

use crate::http::job_json::{JobJson, NO_WORKER};
use crate::http::problem::Problem;
use crate::http::services::Services;
use crate::http::upload::{Default, upload};

/// Jobs on a page unless asked otherwise.
pub const PAGE: usize = 50;
/// Jobs on a page at most.
const MAX_PAGE: usize = 500;

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

/// Which jobs to list.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    status: Option<String>,
    order: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// A page of jobs.
#[derive(Debug)]
pub struct Listed {
    /// Of which status; `None`: of all.
    pub status: Option<JobStatus>,
    /// Which come first.
    pub order: Order,
    /// In that order.
    pub jobs: Vec<JobView>,
    /// Where the next page begins.
    pub next: Option<String>,
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
    Ok(HttpResponse::Ok().json(serde_json::json!({"jobs": jobs, "next": listed.next})))
}

/// `GET /api/v1/jobs/{id}`.
pub async fn get(services: Data<Services>, id: Path<String>) -> Result<Json<JobJson>, Problem> {
    let view = job(&services, &id).await?;
    Ok(Json(JobJson::new(&view, services.admission.has_workers())))
}

/// Jobs that a query asks for.
///
/// # Errors
/// [`Problem::BadRequest`] that names the parameter.
pub async fn find(services: &Services, query: &ListQuery) -> Result<Listed, Problem> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let status =
        given(&query.status).map(|text| text.parse::<JobStatus>().map_err(|_| bad_status(&text))).transpose()?;
    let order = given(&query.order).map(|text| text.parse().map_err(bad)).transpose()?.unwrap_or_default();
    let limit = match given(&query.limit) {
        None => PAGE,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
            limit.ok_or_else(|| bad(format!("limit must be an integer from 1 to {MAX_PAGE}, got {text:?}")))?
        }
    };
    let cursor = given(&query.cursor);
    if let Some(text) = cursor.as_ref().filter(|text| text.parse::<JobId>().is_err()) {
        return Err(bad(format!("cursor must be the next of another answer, got {text:?}")));
    }
    let (jobs, next) = services.state.list(status, order, limit, cursor.as_deref()).await?;
    Ok(Listed { status, order, jobs, next })
}

fn bad_status(text: &str) -> Problem {
    let words: Vec<&str> = JobStatus::ALL.into_iter().map(JobStatus::as_str).collect();
    bad(format!("status must be one of {}, got {text:?}", words.join(", ")))
}

fn bad(text: String) -> Problem {
    Problem::BadRequest(text.chars().take(300).collect())
}

/// The job of that id.
///
/// # Errors
/// [`Problem::NotFound`] if there is none.
pub async fn job(services: &Services, id: &str) -> Result<JobView, Problem> {
    let unknown = || Problem::NotFound("there is no such job".to_owned());
    let job: JobId = id.parse().map_err(|_| unknown())?;
    services.state.job(job).await?.ok_or_else(unknown)
}
