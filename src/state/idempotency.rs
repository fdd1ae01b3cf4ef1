//! Idempotency keys: a request that is sent again stands for the job of the first.
//!
//! Owns the claim before a job is made and the name of the job after. The sender's text never becomes a
//! key: its hash does.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::client::State;
use super::error::StateError;
use super::script;
use crate::job::{JobId, Manifest, Token};

/// The longest idempotency key that a sender may choose, in bytes: callers refuse longer ones.
pub const MAX_KEY_BYTES: usize = 255;

/// Bytes of the hash that stands for a key.
const DIGEST_BYTES: usize = 16;

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// For the caller's request, from now on: settle or free it.
    Claimed,
    /// For a job that an equal request made.
    Known {
        /// Which.
        job: JobId,
    },
    /// For an equal request that is still under way.
    Busy,
    /// For another request: the sender's mistake.
    Mismatch,
}

impl State {
    /// Claims `key` for a request with this `fingerprint` (of content and parameters) for `ttl`. `scope` keeps
    /// the keys of different senders apart. From the job `dead`, which has no result, a key is taken away.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or has lost its data.
    pub async fn claim_key(
        &self,
        scope: &str,
        key: &str,
        fingerprint: &str,
        token: &Token,
        ttl: Duration,
        dead: Option<JobId>,
    ) -> Result<Idempotency, StateError> {
        let call = script::IDEMPOTENCY_CLAIM.call().key(self.key_of(scope, key));
        let dead = dead.map(|job| job.to_string()).unwrap_or_default();
        let answer = self.script(call.arg(token).arg(fingerprint).arg(ttl.as_secs().max(1)).arg(dead)).await?;
        match answer.word() {
            // A Redis that has lost its data knows no key: who came first, the store says.
            "claimed" => self.ping().await.map(|()| Idempotency::Claimed),
            "known" => Ok(Idempotency::Known { job: answer.parse(1)? }),
            "busy" => Ok(Idempotency::Busy),
            "mismatch" => Ok(Idempotency::Mismatch),
            _ => Err(answer.unexpected()),
        }
    }

    /// Gives a claimed key its job; `false` if the claim is another's by now.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn settle_key(
        &self,
        scope: &str,
        key: &str,
        fingerprint: &str,
        token: &Token,
        job: JobId,
        ttl: Duration,
    ) -> Result<bool, StateError> {
        let call = script::IDEMPOTENCY_SETTLE.call().key(self.key_of(scope, key));
        let answer = self.script(call.arg(token).arg(job).arg(ttl.as_secs().max(1)).arg(fingerprint)).await?;
        Ok(answer.word() == "made")
    }

    /// Frees a claimed key: the request failed, it may be sent again.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn free_key(&self, scope: &str, key: &str, token: &Token) -> Result<(), StateError> {
        let call = script::IDEMPOTENCY_SETTLE.call().key(self.key_of(scope, key));
        self.script(call.arg(token).arg("").arg(1).arg("")).await.map(|_| ())
    }

    /// Gives a job its key again after Redis lost its data. The key of a manifest is data, and looked at as such.
    pub(super) async fn restore_key(&self, manifest: &Manifest, ttl: Duration) -> Result<(), StateError> {
        let Some(request) = &manifest.request else { return Ok(()) };
        if request.key.len() != 2 * DIGEST_BYTES || !request.key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(());
        }
        let value = serde_json::json!({ "token": "", "fingerprint": request.fingerprint, "job": manifest.job });
        let mut command = redis::cmd("SET");
        command.arg(self.keys.idempotency(&request.key)).arg(value.to_string()).arg("EX").arg(ttl.as_secs().max(1));
        self.query(&command).await
    }

    fn key_of(&self, scope: &str, key: &str) -> String {
        self.keys.idempotency(&key_digest(scope, key))
    }
}

/// The hash that stands for a sender's key, in hexadecimal digits.
pub fn key_digest(scope: &str, key: &str) -> String {
    let mut hash = Sha256::new();
    // The length keeps ("ab", "c") apart from ("a", "bc").
    hash.update((scope.len() as u64).to_be_bytes());
    hash.update(scope);
    hash.update(key);
    hash.finalize().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
