//! From a request's body to a job.
//!
//! Owns the order: admission, body, claim of the idempotency key, header and plan, announcement. Whatever fails
//! before the announcement is acknowledged leaves nothing behind.

pub mod accept;
pub mod disposition;
mod field;
pub mod form;
pub mod idempotency;
mod incoming;
pub mod inspect;
pub mod multipart;
pub mod pace;
pub mod receive;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Payload;
use tessera::job::{JobId, Manifest, RequestKey, TraceContext};
use tessera::operation::Chain;
use tessera::telemetry::logs::trace_id;
use tracing::Instrument;

pub use accept::Accepted;

use super::problem::Problem;
use super::services::Services;
use form::JobRequest;
use idempotency::{Claimed, Key};
use pace::UploadPace;
use receive::{Received, Terms, receive};

/// What is done with a picture that comes without operations.
#[derive(Clone, Debug)]
pub enum Default {
    /// It is refused.
    Refuse,
    /// This is done, and other fields are ignored.
    Always(Chain),
}

/// Takes an upload and makes its job.
///
/// # Errors
/// A [`Problem`]; nothing is left of the upload then.
pub async fn upload(
    services: &Services,
    request: &HttpRequest,
    body: Payload,
    default: Default,
) -> Result<Accepted, Problem> {
    let outcome = take(services, request, body, default).await;
    services.counts.upload_ended(&outcome);
    outcome
}

async fn take(
    services: &Services,
    request: &HttpRequest,
    mut body: Payload,
    default: Default,
) -> Result<Accepted, Problem> {
    let key = idempotency_key(request)?;
    let length = content_length(request);
    let place = services.admission.enter(services.client(request), length).await?;
    let config = &services.config;
    let terms = Terms {
        max_upload_bytes: config.limits.max_upload_bytes,
        pace: UploadPace::new(
            config.http.upload_idle(),
            config.http.min_upload_rate,
            length.unwrap_or(config.limits.max_upload_bytes),
        ),
        sender: Some(place.holder().clone()),
        ignore_fields: matches!(default, Default::Always(_)),
    };
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let received = receive(&services.store, content_type.unwrap_or_default(), &mut body, terms).await?;
    services.counts.received(received.bytes, received.took);
    let (services, trace) = (services.clone(), trace_of(request).unwrap_or_else(TraceContext::random));
    let span = tracing::info_span!("upload.accept", trace_id = trace_id(Some(&trace)), job = %received.job);
    // A sender that goes away now must not stop half way what follows: it runs to its end on its own.
    let made = async move {
        let _place = place;
        make_job(&services, received, default, key, trace).await
    };
    let task = actix_web::rt::spawn(made.instrument(span));
    task.await.map_err(|error| Problem::internal("accepting an upload", error))?
}

fn content_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The trace that the sender has begun, if it did.
fn trace_of(request: &HttpRequest) -> Option<TraceContext> {
    request.headers().get(TraceContext::HEADER)?.to_str().ok()?.parse().ok()
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<Key>, Problem> {
    let Some(value) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::BadRequest("Idempotency-Key must be visible ASCII".to_owned()))?;
    Key::new(text).map(Some)
}

/// Makes the job, or removes the upload.
async fn make_job(
    services: &Services,
    mut received: Received,
    default: Default,
    key: Option<Key>,
    trace: TraceContext,
) -> Result<Accepted, Problem> {
    let job = received.job;
    let form = std::mem::take(&mut received.form);
    let outcome = async {
        let request = match default {
            Default::Always(chain) => JobRequest::of(chain),
            Default::Refuse => form.finish(services.config.limits.max_operations)?,
        };
        match (key, received.digest) {
            (Some(key), Some(digest)) => {
                let fingerprint = idempotency::fingerprint(digest.bytes(), &request);
                with_key(services, &received, &request, key, &fingerprint, trace).await
            }
            _ => without_key(services, &received, &request, None, trace).await,
        }
    };
    let outcome = outcome.await;
    let made = outcome.as_ref().is_ok_and(|accepted| accepted.job == job);
    if !made && let Err(error) = services.store.delete_job(job).await {
        tracing::warn!(%job, %error, "the rest of a refused upload stays until the sweep");
    }
    outcome
}

async fn without_key(
    services: &Services,
    received: &Received,
    request: &JobRequest,
    key: Option<RequestKey>,
    trace: TraceContext,
) -> Result<Accepted, Problem> {
    let described = accept::describe(services, received, request, trace).await?;
    let manifest = Manifest { request: key, ..described };
    let accepted = accept::announce(services, &manifest).await?;
    let (job, bytes, took) = (accepted.job, received.bytes, received.took.as_millis());
    let upload_ms = u64::try_from(took).unwrap_or(u64::MAX);
    // Only for show.
    if let Err(error) = services.state.add_times(job, None, &[("upload", upload_ms)]).await {
        tracing::debug!(%job, %error, "noting how long the upload took");
    }
    tracing::info!(%job, bytes, upload_ms = took, tiles = accepted.total_tiles, "job accepted");
    Ok(accepted)
}

async fn with_key(
    services: &Services,
    received: &Received,
    request: &JobRequest,
    key: Key,
    fingerprint: &str,
    trace: TraceContext,
) -> Result<Accepted, Problem> {
    let claim = match idempotency::claim(services, key, fingerprint).await? {
        Claimed::Ours(claim) => claim,
        Claimed::Known(job) => return known(services, job).await,
    };
    match without_key(services, received, request, Some(claim.request()), trace).await {
        Ok(accepted) => {
            claim.settle(services, accepted.job).await;
            Ok(accepted)
        }
        Err(problem) => {
            claim.free(services).await;
            Err(problem)
        }
    }
}

/// What an earlier equal request was answered, as its job is now.
async fn known(services: &Services, job: JobId) -> Result<Accepted, Problem> {
    let view = services.state.job(job).await?;
    let view = view.ok_or_else(|| Problem::Gone(format!("the job {job} of this Idempotency-Key is no longer kept")))?;
    Ok(Accepted { job, status: view.status, total_tiles: view.total_tiles, trace: view.trace })
}
