//! A job's transitions, from `accepting` to `expired`.
//!
//! Each is one script on the job's keys and on the indexes over jobs. Which transition to ask for, and when, is the
//! services' business.

use std::time::Duration;

use super::client::State;
use super::error::StateError;
use super::script::{self, Answer, Call};
use super::{KEEP_KEYS, Transition, view};
use crate::job::{EndMarker, JobId, JobStatus, Manifest, Token};
use crate::time::now;

/// Characters of a reason that are kept.
pub const MAX_REASON_CHARS: usize = 500;

impl State {
    /// Writes a job's hash as `accepting`: unlisted, gone after `ttl` unless it is queued. A job that is
    /// there already is left as it is.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn accept(&self, manifest: &Manifest, ttl: Duration) -> Result<(), StateError> {
        self.create(manifest, JobStatus::Accepting, Some(ttl), &[]).await.map(|_| ())
    }

    /// Writes a job's hash with any status, unless there is one; says whether it was written.
    pub(super) async fn create(
        &self,
        manifest: &Manifest,
        status: JobStatus,
        ttl: Option<Duration>,
        more: &[(&str, String)],
    ) -> Result<bool, StateError> {
        let seconds = ttl.map_or(0, |ttl| ttl.as_secs().max(1));
        let time = now();
        let fields = view::fields(manifest, &time);
        let call = script::CREATE.call().key(self.keys.job(manifest.job)).indexes(&self.keys);
        let call = call.arg(seconds).arg(&time).arg(status);
        let call = call.args(fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        let call = call.args(more.iter().flat_map(|(name, value)| [*name, value.as_str()]));
        Ok(self.script(call).await?.word() == "made")
    }

    /// `accepting` → `queued`: listed and ready for a splitter. Refused with `None`: its hash has gone,
    /// [`State::accept`] it again if its manifest is in the store.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn queue(&self, job: JobId) -> Result<Transition, StateError> {
        self.transition(script::QUEUE.call().key(self.keys.job(job)).indexes(&self.keys).arg(now())).await
    }

    /// Takes back a job whose announcement failed, if it has not been begun: nothing of it is left.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn withdraw(&self, job: JobId) -> Result<Transition, StateError> {
        let answer = self.script(script::WITHDRAW.call().key(self.keys.job(job)).indexes(&self.keys)).await?;
        transition_of(&answer)
    }

    /// Puts a job back among the ready ones, if it has not ended (`Resend`, `NextStage`, the sweeper). A
    /// pass that is under way ends as ready then.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn make_ready(&self, job: JobId) -> Result<(), StateError> {
        let answer = self.script(script::MAKE_READY.call().key(self.keys.job(job)).indexes(&self.keys)).await?;
        if answer.word() == "unknown" { self.believe_unknown().await } else { Ok(()) }
    }

    /// The jobs that want a reading pass: by priority, then by age.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn ready_jobs(&self, limit: usize) -> Result<Vec<JobId>, StateError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys.ready()).arg(0).arg(limit.max(1) - 1).arg("REV");
        let jobs: Vec<String> = self.of_shared_keys(async || self.query(&command).await).await?;
        Ok(jobs.iter().filter_map(|job| job.parse().ok()).take(limit).collect())
    }

    /// `finishing` → `done`: publishes the result's name. Refused with `Done`: another attempt came first,
    /// the caller's file is the one to delete.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or the marker names no result.
    pub async fn done(
        &self,
        job: JobId,
        token: &Token,
        end: &EndMarker,
        keep: Duration,
    ) -> Result<Transition, StateError> {
        let Some(name) = &end.final_filename else {
            return Err(StateError::Data(format!("the end marker of {job} names no result")));
        };
        let call = script::DONE.call().key(self.keys.job(job)).indexes(&self.keys);
        let call = call.arg(token).arg(name).arg(end.bytes_out).arg(&end.finished_at).arg((keep + KEEP_KEYS).as_secs());
        self.transition(call.arg(end.digest.map(|digest| digest.to_string()).unwrap_or_default())).await
    }

    /// Any unfinished status → `failed`. `reason` is what the sender reads.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn fail(&self, job: JobId, reason: &str, keep: Duration) -> Result<Transition, StateError> {
        self.finish(job, JobStatus::Failed, reason, &now(), keep).await
    }

    /// Any unfinished status → `cancelled`.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn cancel(&self, job: JobId, keep: Duration) -> Result<Transition, StateError> {
        self.finish(job, JobStatus::Cancelled, "cancelled by its owner", &now(), keep).await
    }

    /// Any unfinished status → `failed` or `cancelled`, as its end marker says. Only [`crate::ending`] asks for this,
    /// which writes the marker first.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn end(&self, marker: &EndMarker, keep: Duration) -> Result<Transition, StateError> {
        let reason = marker.reason.as_deref().unwrap_or_default();
        self.finish(marker.job, marker.status, reason, &marker.finished_at, keep).await
    }

    /// `done` → `failed`, as its end marker says: the result called `name` is damaged. Refused if the job has another.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn take_back(&self, marker: &EndMarker, name: &str, keep: Duration) -> Result<Transition, StateError> {
        let reason: String = marker.reason.iter().flat_map(|text| text.chars()).take(MAX_REASON_CHARS).collect();
        let call = script::TAKE_BACK.call().key(self.keys.job(marker.job)).indexes(&self.keys).arg(name).arg(reason);
        self.transition(call.arg(&marker.finished_at).arg((keep + KEEP_KEYS).as_secs())).await
    }

    async fn finish(
        &self,
        job: JobId,
        status: JobStatus,
        reason: &str,
        at: &str,
        keep: Duration,
    ) -> Result<Transition, StateError> {
        let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
        let call = script::FINISH.call().key(self.keys.job(job)).indexes(&self.keys).arg(status).arg(reason).arg(at);
        self.transition(call.arg((keep + KEEP_KEYS).as_secs())).await
    }

    /// `failed` or `cancelled` → `queued`, as run `run`: one more than the job's last. The end marker of the
    /// last run must have gone from the store, or a manifest of run `run` be there, before this is asked.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn retry(&self, job: JobId, run: u32) -> Result<Transition, StateError> {
        self.transition(script::RETRY.call().key(self.keys.job(job)).indexes(&self.keys).arg(run).arg(now())).await
    }

    /// `queued` or `processing` → `queued`, as run `run` from the first stage: what the pass under `lease` read is not
    /// what was written. The job's description keeps its run, as the end marker of this one will have a later.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn begin_anew(&self, job: JobId, lease: &Token, run: u32, why: &str) -> Result<Transition, StateError> {
        let why: String = why.chars().take(MAX_REASON_CHARS).collect();
        let call = script::BEGIN_ANEW.call().key(self.keys.job(job)).indexes(&self.keys);
        self.transition(call.arg(lease).arg(run).arg(why).arg(now())).await
    }

    /// Starts a job over in tiles that was to be run whole, as its description `manifest` now says. Only the holder of the
    /// lease. `AlreadySo`: its hash says tiles.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn in_tiles(&self, manifest: &Manifest, lease: &Token, why: &str) -> Result<Transition, StateError> {
        let (why, time): (String, _) = (why.chars().take(MAX_REASON_CHARS).collect(), now());
        let fields = view::fields(manifest, &time);
        let call = script::IN_TILES.call().key(self.keys.job(manifest.job)).indexes(&self.keys);
        let call = call.arg(lease).arg(manifest.run).arg(why).arg(&time);
        self.transition(call.args(fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))).await
    }

    /// `done`, `failed` or `cancelled` → `expired`: its files are gone.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn expire(&self, job: JobId) -> Result<Transition, StateError> {
        self.transition(script::EXPIRE.call().key(self.keys.job(job)).indexes(&self.keys).arg(now())).await
    }

    /// Adds milliseconds to a job's fields `ms_STEP`, and to those of a stage, `ms_STEP:S`, if one is named.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn add_times(
        &self,
        job: JobId,
        stage: Option<u32>,
        steps: &[(&'static str, u64)],
    ) -> Result<(), StateError> {
        let stage = stage.map(|stage| stage.to_string()).unwrap_or_default();
        let call = script::TOUCH.call().key(self.keys.job(job)).arg(now()).arg(stage);
        let steps = steps.iter().flat_map(|(step, ms)| [(*step).to_owned(), ms.to_string()]);
        self.script(call.args(steps)).await.map(|_| ())
    }

    /// Adds to what the sender should know of a job what only reading its picture to the end has shown.
    ///
    /// # Errors
    /// As all.
    pub async fn add_notices(&self, job: JobId, notices: &[String]) -> Result<(), StateError> {
        let call = script::ADD_NOTICES.call().key(self.keys.job(job)).arg(now());
        self.script(call.args(notices)).await.map(|_| ())
    }

    /// Runs a transition; says what became of it.
    pub(super) async fn transition(&self, call: Call) -> Result<Transition, StateError> {
        let answer = self.script(call).await?;
        let transition = transition_of(&answer)?;
        if transition == (Transition::Refused { status: None }) {
            self.believe_unknown().await?;
        }
        Ok(transition)
    }
}

/// Reads the answers that all transitions have in common.
pub(super) fn transition_of(answer: &Answer) -> Result<Transition, StateError> {
    match answer.word() {
        "made" => Ok(Transition::Made),
        "already" => Ok(Transition::AlreadySo),
        "refused" => Ok(Transition::Refused { status: Some(answer.parse(1)?) }),
        "unknown" => Ok(Transition::Refused { status: None }),
        _ => Err(answer.unexpected()),
    }
}
