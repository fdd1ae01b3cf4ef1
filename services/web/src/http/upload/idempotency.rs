//! An upload that is sent again stands for the job of the first.
//!
//! Owns how a key is claimed, waited for and settled. What a request is, its fingerprint says: the bytes of
//! the picture and everything asked for.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tessera::job::{JobId, JobStatus, RequestKey, Token};
use tessera::picture::codec::Wanted;
use tessera::picture::jpeg::DEFAULT_QUALITY;
use tessera::state::{Idempotency, MAX_KEY_BYTES, key_digest};

use super::form::JobRequest;
use crate::http::jobs::json::result_object;
use crate::http::problem::Problem;
use crate::http::services::Services;

/// How long a request may take between its claim and its job.
const CLAIM_TTL: Duration = Duration::from_secs(60);
/// How long an equal request under way is waited for.
const WAIT: Duration = Duration::from_secs(15);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Keys of different senders are kept apart by this; there is one sender while no keys are in use.
const SCOPE: &str = "anonymous";

/// A sender's `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Takes the header's value.
    ///
    /// # Errors
    /// [`Problem::BadRequest`] if it is empty or too long.
    pub fn new(text: &str) -> Result<Self, Problem> {
        if (1..=MAX_KEY_BYTES).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Problem::BadRequest(format!("Idempotency-Key must have 1 to {MAX_KEY_BYTES} bytes")))
    }
}

/// A key that stands for this request until it is settled or freed.
#[derive(Debug)]
pub struct Claim {
    key: Key,
    fingerprint: String,
    token: Token,
}

/// Whose a key is.
#[derive(Debug)]
pub enum Claimed {
    /// This request's: make the job.
    Ours(Claim),
    /// An earlier equal request's.
    Known(JobId),
}

/// What tells one request from another.
pub fn fingerprint(picture: [u8; 32], request: &JobRequest) -> String {
    let mut hash = Sha256::new();
    hash.update(picture);
    hash.update(request.priority.as_str());
    let Wanted { format, quality, chroma, metadata } = request.wanted;
    hash.update(format.as_str());
    hash.update([quality.unwrap_or(DEFAULT_QUALITY)]);
    hash.update(chroma.unwrap_or_default().as_str());
    hash.update(metadata.as_str());
    for step in request.chain.steps() {
        hash.update([0]);
        hash.update(step.to_string());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Claims a key, or finds the job it stands for; waits for an equal request that is under way. A key whose job has no
/// result and will have none is free again.
///
/// # Errors
/// [`Problem::Unprocessable`] if the key was used for something else, [`Problem::Conflict`] if the other
/// request takes too long.
pub async fn claim(services: &Services, key: Key, fingerprint: &str) -> Result<Claimed, Problem> {
    let token = Token::random();
    let deadline = Instant::now() + WAIT;
    let mut dead = None;
    loop {
        match services.state.claim_key(SCOPE, &key.0, fingerprint, &token, CLAIM_TTL, dead).await? {
            Idempotency::Claimed => {
                return Ok(Claimed::Ours(Claim { key, fingerprint: fingerprint.to_owned(), token }));
            }
            Idempotency::Known { job } if dead != Some(job) && is_dead(services, job).await? => dead = Some(job),
            Idempotency::Known { job } => return Ok(Claimed::Known(job)),
            Idempotency::Mismatch => {
                let text = "this Idempotency-Key was used for another picture or other operations; take a new key";
                return Err(Problem::Unprocessable(text.to_owned()));
            }
            Idempotency::Busy if Instant::now() < deadline => tokio::time::sleep(LOOK_EVERY).await,
            Idempotency::Busy => {
                return Err(Problem::Conflict("a request with this Idempotency-Key is still under way".to_owned()));
            }
        }
    }
}

/// Whether nothing can come of a job any more: it failed, was cancelled or deleted, or its result is not whole.
async fn is_dead(services: &Services, job: JobId) -> Result<bool, Problem> {
    let Some(view) = services.state.job(job).await? else { return Ok(true) };
    Ok(match view.status {
        JobStatus::Failed | JobStatus::Cancelled | JobStatus::Expired => true,
        JobStatus::Done => match result_object(&view) {
            Some(result) => services.store.check_length(&result, view.bytes_out).await?.is_some(),
            None => true,
        },
        _ => false,
    })
}

impl Claim {
    /// The request, as the job's description keeps it.
    pub fn request(&self) -> RequestKey {
        RequestKey { key: key_digest(SCOPE, &self.key.0), fingerprint: self.fingerprint.clone() }
    }

    /// Gives the key its job. A failure is only logged: the job is there, and the claim ends by itself.
    pub async fn settle(self, services: &Services, job: JobId) {
        let ttl = services.config.limits.keep_results();
        if let Err(error) =
            services.state.settle_key(SCOPE, &self.key.0, &self.fingerprint, &self.token, job, ttl).await
        {
            tracing::warn!(%job, %error, "an idempotency key was not settled");
        }
    }

    /// Frees the key: the request failed.
    pub async fn free(self, services: &Services) {
        if let Err(error) = services.state.free_key(SCOPE, &self.key.0, &self.token).await {
            tracing::warn!(%error, "an idempotency key was not freed, it ends by itself");
        }
    }
}
