//! A job's files: what was sent and what came of it.

use actix_web::{HttpRequest, HttpResponse};
use tessera::job::JobStatus;
use tessera::picture::sniff::Format;
use tessera::state::JobView;
use tessera::store::Object;

use super::json::result_object;
use crate::http::files::attachment::attachment;
use crate::http::files::{NotSent, Served, send};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// The media type of our encoder's results and of originals, by their ending: a closed list.
fn media_type(ext: &str) -> &'static str {
    Format::from_extension(ext).map_or("application/octet-stream", Format::media_type)
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
    services.admission.check_store()?;
    let object = result_object(view);
    let Some(Object::Result { token, ext, .. }) = object.clone() else {
        let name = view.final_filename.clone().unwrap_or_default();
        return Err(Problem::internal("reading a result's name", name));
    };
    let file = Served {
        object: Object::Result { job: view.job, token: token.clone(), ext: ext.clone() },
        bytes: view.bytes_out,
        digest: view.digest,
        media_type: media_type(&ext),
        disposition: attachment(&view.filename, "", &ext),
        version: token.to_string(),
    };
    let (mender, of) = (services.mender.clone(), view.clone());
    let sent = send(
        (&services.store, &services.checked),
        request,
        file,
        Box::new(move |damage| mender.put_right(&of, damage)),
    )
    .await;
    sent.map_err(|why| match why {
        NotSent::Problem(problem) => problem,
        NotSent::Damaged(damage) => {
            let text =
                format!("the result is damaged in the store ({damage}); it is made again if its picture is whole");
            services.mender.put_right(view, damage);
            Problem::Unavailable(text)
        }
    })
}

fn ended(status: JobStatus) -> &'static str {
    if status == JobStatus::Failed { "failed" } else { "was cancelled" }
}

/// Sends the picture that a job was made of.
///
/// # Errors
/// [`Problem::Gone`] if it is no longer kept or damaged.
pub async fn send_original(
    services: &Services,
    request: &HttpRequest,
    view: &JobView,
) -> Result<HttpResponse, Problem> {
    services.admission.check_store()?;
    if view.status == JobStatus::Expired {
        return Err(Problem::Gone("the job has expired, its picture is no longer kept".to_owned()));
    }
    let gone = || Problem::Gone("the job's picture is no longer kept".to_owned());
    let manifest = services.store.manifest(view.job).await?.ok_or_else(gone)?;
    // What it was found to be by its content.
    let ext = manifest.original_format;
    let file = Served {
        object: Object::Original(view.job),
        bytes: manifest.bytes_in,
        digest: manifest.digest,
        media_type: media_type(&ext),
        disposition: attachment(&view.filename, "-original", &ext),
        version: format!("{}-original", view.job),
    };
    let job = view.job;
    let report = move |damage| tracing::error!(%job, %damage, "the picture of a job is damaged in the store");
    send((&services.store, &services.checked), request, file, Box::new(report)).await.map_err(|why| match why {
        NotSent::Problem(problem) => problem,
        NotSent::Damaged(damage) => {
            report(damage.clone());
            Problem::Gone(format!("the job's picture is damaged in the store: {damage}"))
        }
    })
}
