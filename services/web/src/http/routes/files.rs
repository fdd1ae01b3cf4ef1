//! A job's files: what was sent and what came of it.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use tessera::job::JobStatus;
use tessera::picture::sniff::Format;
use tessera::state::JobView;
use tessera::store::Object;

use super::jobs::job;
use crate::http::files::attachment::attachment;
use crate::http::files::{Served, send};
use crate::http::job_json::result_object;
use crate::http::problem::Problem;
use crate::http::services::Services;

/// The media type of our encoder's results and of originals, by their ending: a closed list.
fn media_type(ext: &str) -> &'static str {
    Format::from_extension(ext).map_or("application/octet-stream", Format::media_type)
}

/// `GET /api/v1/jobs/{id}/result`.
pub async fn result(services: Data<Services>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    send_result(&services, &request, &view).await
}

/// Sends a job's result.
///
/// # Errors
/// [`Problem::Conflict`] while there is none, [`Problem::Gone`] if it is no longer kept.
pub async fn send_result(services: &Services, request: &HttpRequest, view: &JobView) -> Result<HttpResponse, Problem> {
    match view.status {
        JobStatus::Done => {}
        JobStatus::Expired => {
            return Err(Problem::Gone("the job has expired, its result is no longer kept".to_owned()));
        }
        JobStatus::Failed | JobStatus::Cancelled => {
            let reason = view.reason.as_deref().unwrap_or("no reason is known");
            return Err(Problem::Conflict(format!("the job {} and has no result: {reason}", ended(view.status))));
        }
        status => return Err(Problem::Conflict(format!("the job is {status}, there is no result yet"))),
    }
    services.gate.check_store()?;
    let object = result_object(view);
    let Some(Object::Result { token, ext, .. }) = object.clone() else {
        let name = view.final_filename.clone().unwrap_or_default();
        return Err(Problem::internal("reading a result's name", name));
    };
    let file = Served {
        object: Object::Result { job: view.job, token: token.clone(), ext: ext.clone() },
        media_type: media_type(&ext),
        disposition: attachment(&view.filename, "", &ext),
        version: token.to_string(),
    };
    send(&services.store, request, file).await
}

fn ended(status: JobStatus) -> &'static str {
    if status == JobStatus::Failed { "failed" } else { "was cancelled" }
}

/// `GET /api/v1/jobs/{id}/original`.
pub async fn original(
    services: Data<Services>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    services.gate.check_store()?;
    // What it was found to be by its content.
    let manifest = services.store.manifest(view.job).await?;
    let ext = manifest.map_or_else(|| "png".to_owned(), |manifest| manifest.original_format);
    let file = Served {
        object: Object::Original(view.job),
        media_type: media_type(&ext),
        disposition: attachment(&view.filename, "-original", &ext),
        version: format!("{}-original", view.job),
    };
    send(&services.store, &request, file).await
}
