//! A process's name among those of its kind: taken at the start, kept while it runs, given up at its end.
//!
//! Owns the rule for a name that another has: one that was given is waited for, for as long as a dead holder's key may
//! live, and then refused; of numbered ones the next free is taken. Must never take a name from a process that lives.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::config::ServiceArgs;
use crate::job::Token;
use crate::patience::answered;
use crate::state::{Holder, NameClaim, NameKind, State, StateError};
use crate::telemetry::Shutdown;

/// How long a holder is believed to live that renews its name no more.
const TIME: Duration = Duration::from_secs(8);
/// Between two renewals.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How much longer than that a given name is waited for.
const GRACE: Duration = Duration::from_secs(2);
/// Between two looks at a name that another has.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Numbers that are tried.
const MOST_NUMBERS: u32 = 4096;
/// How long giving up a name may take.
const RELEASE_LIMIT: Duration = Duration::from_secs(1);

/// The name that a process wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This one, and no other.
    Given(String),
    /// This text with this number after it, or with the next that is free.
    Numbered(String, u32),
}

impl Wanted {
    /// The name to take among the processes of `program`: the given one, or `program-INSTANCE` or the next free one.
    pub fn of(service: &ServiceArgs, program: &str) -> Self {
        let name = service.name.clone().filter(|name| !name.is_empty());
        name.map_or_else(|| Self::Numbered(program.to_owned(), service.instance), Self::Given)
    }
}

/// Why a process has no name.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// A process that lives has it.
    #[error(
        "the name {name} is in use by another {kind} (pid {pid} on {host}); stop that one, or give this one another name"
    )]
    InUse {
        /// What kind of process.
        kind: NameKind,
        /// The name.
        name: String,
        /// Where the other runs.
        host: String,
        /// As which process.
        pid: u32,
    },
    /// Redis cannot say.
    #[error("asking redis for a name")]
    State(#[from] StateError),
}

/// A name that this process has.
#[derive(Clone)]
pub struct Name {
    state: State,
    kind: NameKind,
    holder: Holder,
    text: String,
}

impl Name {
    /// Takes a name; waits for Redis. `None` if a stop is requested first.
    ///
    /// # Errors
    /// [`NameError::InUse`] if a process that lives has the name that was given.
    pub async fn take(
        state: &State,
        kind: NameKind,
        wanted: &Wanted,
        shutdown: &Shutdown,
    ) -> Result<Option<Self>, NameError> {
        let pid = std::process::id();
        let holder = Holder { incarnation: Token::random(), host: ServiceArgs::host(), pid, mark: mark(pid) };
        let named = |text: String| Self { state: state.clone(), kind, holder: holder.clone(), text };
        match wanted {
            Wanted::Given(text) => named(text.clone()).wait_for(shutdown).await,
            Wanted::Numbered(text, first) => {
                let mut holders = None;
                for number in (0..MOST_NUMBERS).map(|more| first.saturating_add(more)) {
                    let name = named(format!("{text}-{number}"));
                    match answered(shutdown, async || name.try_take().await).await {
                        None => return Ok(None),
                        Some(claim) => match claim? {
                            NameClaim::Held => return Ok(Some(name.say(*first, number, holders))),
                            NameClaim::Taken(other) => drop(holders.get_or_insert(other)),
                        },
                    }
                }
                named(format!("{text}-{first}")).wait_for(shutdown).await
            }
        }
    }

    /// The name.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which start of the process has it.
    pub fn incarnation(&self) -> &Token {
        &self.holder.incarnation
    }

    /// Renews the name for as long as it is this process's; returns who has it then.
    pub async fn keep(&self) -> Holder {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.try_take().await {
                Ok(NameClaim::Held) => {}
                Ok(NameClaim::Taken(other)) => return other,
                Err(error) => tracing::debug!(%error, name = self.text, "renewing the name"),
            }
        }
    }

    /// That the name is another's now, as an error.
    pub fn lost_to(&self, other: Holder) -> NameError {
        NameError::InUse { kind: self.kind, name: self.text.clone(), host: other.host, pid: other.pid }
    }

    /// Gives the name up, so that a successor need not wait.
    pub async fn release(&self) {
        let release = self.state.release_name(self.kind, &self.text, &self.holder);
        if !matches!(tokio::time::timeout(RELEASE_LIMIT, release).await, Ok(Ok(()))) {
            tracing::debug!(name = self.text, "the name was not given up; it is free when its time is over");
        }
    }

    /// Takes the name if it is free, or if its holder ran on this machine and has ended.
    async fn try_take(&self) -> Result<NameClaim, StateError> {
        match self.claim(None).await? {
            NameClaim::Taken(other) if has_ended(&other) => self.claim(Some(&other)).await,
            claim => Ok(claim),
        }
    }

    async fn claim(&self, dead: Option<&Holder>) -> Result<NameClaim, StateError> {
        self.state.claim_name(self.kind, &self.text, &self.holder, TIME, dead).await
    }

    /// A holder that died on another machine is believed to live for a while yet.
    async fn wait_for(self, shutdown: &Shutdown) -> Result<Option<Self>, NameError> {
        let mut first_asked = None;
        loop {
            let Some(claim) = answered(shutdown, async || self.try_take().await).await else { return Ok(None) };
            let NameClaim::Taken(other) = claim? else { return Ok(Some(self)) };
            if first_asked.is_none() {
                tracing::warn!(name = self.text, host = other.host, pid = other.pid, "another has the name; waiting");
            }
            if first_asked.get_or_insert_with(Instant::now).elapsed() > TIME + GRACE {
                return Err(self.lost_to(other));
            }
            if shutdown.requested_within(LOOK_AGAIN).await {
                return Ok(None);
            }
        }
    }

    fn say(self, first: u32, number: u32, other: Option<Holder>) -> Self {
        if let Some(other) = other.filter(|_| number != first) {
            let Holder { host, pid, .. } = other;
            tracing::warn!(
                name = self.text,
                other_host = host,
                other_pid = pid,
                "the name with number {first} is in use; taking the next free one"
            );
        }
        self
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Name").field("kind", &self.kind).field("text", &self.text).finish_non_exhaustive()
    }
}

/// Whether a holder ran where this process can see it, and does so no more.
fn has_ended(other: &Holder) -> bool {
    let place = |mark: &str| mark.rsplit_once('/').map(|(place, _)| place.to_owned());
    let here = place(&mark(std::process::id()));
    here.is_some() && place(&other.mark) == here && mark(other.pid) != other.mark
}

/// What tells a process from every other: this boot, the space of process numbers, and when it started. Of one that
/// has ended, something else.
fn mark(pid: u32) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let started = started(&Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    let text = format!("{}/{}/{started}", boot.trim(), space.display());
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// When a process started, in ticks since the boot; `None` if it has ended.
fn started(stat: &Path) -> Option<String> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The second field is the command in brackets, and may hold blanks and brackets.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    (!matches!(*fields.first()?, "Z" | "X")).then_some(())?;
    fields.get(19).map(|started| (*started).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_here_is_told_from_one_that_lives_or_may_live_elsewhere() {
        let pid = std::process::id();
        let holder = |pid: u32, mark: String| Holder { incarnation: Token::random(), host: "x".into(), pid, mark };
        assert!(!has_ended(&holder(pid, mark(pid))), "this one lives");
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let other = holder(child.id(), mark(child.id()));
        assert!(!has_ended(&other));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(has_ended(&other));
        let elsewhere = other.mark.replacen(|c: char| c.is_ascii_hexdigit(), "x", 1);
        assert!(!has_ended(&holder(child.id(), elsewhere)), "it cannot be told");
        assert!(!has_ended(&holder(1, String::new())));
    }

    #[test]
    fn a_holder_reads_back() {
        let pid = std::process::id();
        let holder = Holder { incarnation: Token::random(), host: "vm".into(), pid, mark: mark(pid) };
        assert_eq!(holder.to_string().parse(), Ok(holder));
        assert!("a b".parse::<Holder>().is_err());
    }
}
