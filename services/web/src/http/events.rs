//! Jobs as streams of events: what a watcher sees without asking again.
//!
//! `GET /api/v1/jobs/{id}/events` is answered by server-sent events: first the whole job, then what changes, at
//! most four times a second. One look at Redis serves all who watch a job. Never decides about a job.

mod frame;
mod id;
pub mod relay;
mod sight;
mod tiles;
mod watcher;

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tessera::job::JobId;

pub use relay::EventRelay;

use super::problem::Problem;
use super::services::Services;
use id::EventId;
use sight::Link;
use watcher::{LastSeen, stream};

/// How long the first look is waited for; Redis has answered or failed by then.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Where a watcher resumes who cannot send a header.
#[derive(Debug, Deserialize)]
pub struct ResumeQuery {
    last_event_id: Option<String>,
}

/// `GET /api/v1/jobs/{id}/events`.
pub async fn show(
    services: Data<Services>,
    relay: Data<EventRelay>,
    request: HttpRequest,
    id: Path<String>,
    query: Query<ResumeQuery>,
) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::NotFound("there is no such job".to_owned());
    let job: JobId = id.parse().map_err(|_| unknown())?;
    let known = last_event_id(&request, &query);
    let mut watcher = relay.watch(job)?;
    let sight = watcher.first(FIRST_LOOK).await?;
    match (&sight.link, &sight.frame) {
        (Link::Unknown, _) => return Err(unknown()),
        // The watcher has the end: 204 tells a browser not to come again.
        (Link::Live, Some(frame)) if frame.is_last() && known.as_ref() == Some(frame.id()) => {
            return Ok(HttpResponse::NoContent().finish());
        }
        _ => {}
    }
    let known = known.map_or(LastSeen::Nothing, LastSeen::Id);
    let heartbeat = Duration::from_secs(services.config.http.event_heartbeat_seconds);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // For proxies that would hold events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream(watcher, known, heartbeat)))
}

/// The last event that the watcher has; what is not the id of an event counts as nothing.
fn last_event_id(request: &HttpRequest, query: &ResumeQuery) -> Option<EventId> {
    let header = request.headers().get("Last-Event-ID").and_then(|value| value.to_str().ok());
    header.or(query.last_event_id.as_deref())?.parse().ok()
}
