//! Leases: which splitter reads which job.
//!
//! Owns that one splitter at a time reads a job and that a job which kills its readers is found out. By
//! the clock of Redis; a holder that lost its lease learns it at the next renewal.

use super::client::State;
use super::error::StateError;
use super::script::{self, Answer};
use crate::job::{JobId, Token};
use crate::time::now;

/// Leases of a job that may die before it is given up.
pub const MAX_DEAD_LEASES: u32 = 3;

/// What became of the request for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// The caller reads the job now.
    Granted {
        /// The stage to read for.
        stage: u32,
        /// Which run of the job.
        run: u32,
        /// Leases in a row, this one included, that did not end in order.
        attempts: u32,
    },
    /// Another splitter reads it.
    Busy,
    /// Nothing is to be read: it ended, is unknown, or all its tiles are in.
    Ended,
    /// [`MAX_DEAD_LEASES`] readers died over it: it is to be failed.
    Exhausted,
}

/// What became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Renewed.
    Held,
    /// Another took it, or the job ended: stop reading.
    Lost,
}

/// Why a lease is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The whole picture was read: the job is no longer ready, and earlier deaths are forgotten.
    PassComplete,
    /// The splitter stops: the attempt is not counted, the job stays ready.
    Drained,
}

impl State {
    /// Leases a job; asked again with the same token, it is the same lease.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn lease(&self, job: JobId, token: &Token, splitter: &str) -> Result<Leased, StateError> {
        let call = script::LEASE.call().key(self.keys.job(job)).indexes(&self.keys).arg(token).arg(splitter);
        let call = call.arg(self.options.lease.as_millis()).arg(now()).arg(MAX_DEAD_LEASES);
        let answer = self.script(call).await?;
        match answer.word() {
            "granted" => {
                Ok(Leased::Granted { stage: answer.parse(1)?, run: answer.parse(2)?, attempts: answer.parse(3)? })
            }
            "busy" => Ok(Leased::Busy),
            "exhausted" => Ok(Leased::Exhausted),
            "ended" | "complete" => Ok(Leased::Ended),
            "unknown" => {
                self.believe_unknown().await?;
                self.reindex(&[job]).await.map(|()| Leased::Ended)
            }
            _ => Err(answer.unexpected()),
        }
    }

    /// Renews leases, in one pipeline; answers are in the order of the leases.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer: the leases may be held or not.
    pub async fn renew(&self, leases: &[(JobId, Token)]) -> Result<Vec<LeaseState>, StateError> {
        let (time, length) = (now(), self.options.lease.as_millis());
        let call = |(job, token): &(JobId, Token)| {
            script::RENEW.call().key(self.keys.job(*job)).arg(token).arg(length).arg(&time)
        };
        let answers = self.scripts(leases.iter().map(call).collect()).await?;
        if answers.iter().flatten().any(|answer| answer.word() == "unknown") {
            self.believe_unknown().await?;
        }
        // Of a job whose keys are damaged it is lost: who takes the next one finds out.
        let is_held = |answer: &Result<Answer, StateError>| answer.as_ref().is_ok_and(|answer| answer.word() == "held");
        Ok(answers.iter().map(|answer| if is_held(answer) { LeaseState::Held } else { LeaseState::Lost }).collect())
    }

    /// Gives a lease back. After a complete pass the job is no longer ready, unless it was made ready since.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn release(&self, job: JobId, token: &Token, why: Release) -> Result<(), StateError> {
        let word = match why {
            Release::PassComplete => "complete",
            Release::Drained => "drained",
        };
        let call = script::RELEASE.call().key(self.keys.job(job)).indexes(&self.keys);
        let answer = self.script(call.arg(token).arg(word).arg(now())).await?;
        match answer.word() {
            "unknown" => self.believe_unknown().await,
            _ => Ok(()),
        }
    }
}
