//! Idempotency keys: a request that is sent again stands for the job of the first.
//!
//! Owns the claim before a job is made and the name of the job after. The sender's text never becomes a
//! key: its hash does.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::client::State;
use super::error::StateError;
use super::script;
use crate::job::{JobId, Token};

/// The longest idempotency key that a sender may choose, in bytes: callers refuse longer ones.
pub const MAX_KEY_BYTES: usize = 255;

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
    /// the keys of different senders apart.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn claim_key(
        &self,
        scope: &str,
        key: &str,
        fingerprint: &str,
        token: &Token,
        ttl: Duration,
    ) -> Result<Idempotency, StateError> {
        let call = script::IDEMPOTENCY_CLAIM.call().key(self.key_of(scope, key));
        let answer = self.script(call.arg(token).arg(fingerprint).arg(ttl.as_secs().max(1))).await?;
        match answer.word() {
            "claimed" => Ok(Idempotency::Claimed),
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
        token: &Token,
        job: JobId,
        ttl: Duration,
    ) -> Result<bool, StateError> {
        let call = script::IDEMPOTENCY_SETTLE.call().key(self.key_of(scope, key));
        let answer = self.script(call.arg(token).arg(job).arg(ttl.as_secs().max(1))).await?;
        Ok(answer.word() == "made")
    }

    /// Frees a claimed key: the request failed, it may be sent again.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn free_key(&self, scope: &str, key: &str, token: &Token) -> Result<(), StateError> {
        let call = script::IDEMPOTENCY_SETTLE.call().key(self.key_of(scope, key));
        self.script(call.arg(token).arg("").arg(1)).await.map(|_| ())
    }

    fn key_of(&self, scope: &str, key: &str) -> String {
        let mut hash = Sha256::new();
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hash.update((scope.len() as u64).to_be_bytes());
        hash.update(scope);
        hash.update(key);
        let digest: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.keys.idempotency(&digest)
    }
}
