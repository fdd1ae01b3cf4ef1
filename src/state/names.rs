//! Names of processes: one process of a kind holds a name at a time, by a key that it renews.
//!
//! Owns those keys. By the clock of Redis. Whether to wait for a name, to take another or to give up is
//! [`crate::naming`]'s business.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::client::State;
use super::error::StateError;
use super::keys::NameKind;
use super::script;
use crate::job::Token;

/// Who holds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which start of the process.
    pub incarnation: Token,
    /// Its machine.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// What tells that process from a later one of the same number, without blanks.
    pub mark: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {} {}", self.incarnation, self.host, self.pid, self.mark)
    }
}

impl FromStr for Holder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "reading who holds a name: not an incarnation, a host, a pid and a mark".to_owned();
        let parts: Vec<&str> = text.split(' ').collect();
        let [incarnation, host, pid, mark] = parts.as_slice() else { return Err(wrong()) };
        let incarnation = incarnation.parse().map_err(|_| wrong())?;
        let pid = pid.parse().map_err(|_| wrong())?;
        Ok(Self { incarnation, host: (*host).to_owned(), pid, mark: (*mark).to_owned() })
    }
}

/// What became of the request for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameClaim {
    /// The caller has it.
    Held,
    /// Another has it.
    Taken(Holder),
}

impl State {
    /// Takes or renews `name` for `time`; from `dead`, which is known to have ended, at once.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn claim_name(
        &self,
        kind: NameKind,
        name: &str,
        holder: &Holder,
        time: Duration,
        dead: Option<&Holder>,
    ) -> Result<NameClaim, StateError> {
        let call = script::NAME.call().key(self.keys.name(kind, name)).arg(holder).arg(time.as_millis().max(1));
        let answer = self.script(call.arg(dead.map(Holder::to_string).unwrap_or_default())).await?;
        match answer.word() {
            "made" => Ok(NameClaim::Held),
            "taken" => answer.parse(1).map(NameClaim::Taken),
            _ => Err(answer.unexpected()),
        }
    }

    /// Gives up `name`, if `holder` has it.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn release_name(&self, kind: NameKind, name: &str, holder: &Holder) -> Result<(), StateError> {
        let call = script::NAME.call().key(self.keys.name(kind, name)).arg(holder).arg(0).arg("");
        self.script(call).await.map(|_| ())
    }
}
