//! Tiles that came back: claims, marks, and the verdicts that a stage or a job is complete.
//!
//! Owns the fence: what a stitcher says counts only with the token of its claim.

use super::Transition;
use super::client::State;
use super::error::StateError;
use super::script::{self, Answer};
use super::view::NUMBERS;
use crate::job::{JobId, Token};
use crate::time::now;

/// What a stage gives to those after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The name of its rows in the store.
    Rows(String),
    /// What it measured.
    Numbers(Vec<i64>),
}

impl Given {
    fn field(&self, stage: u32) -> String {
        match self {
            Self::Rows(_) => "rows".to_owned(),
            Self::Numbers(_) => format!("{NUMBERS}{stage}"),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Rows(name) => name.clone(),
            Self::Numbers(numbers) => numbers.iter().map(i64::to_string).collect::<Vec<_>>().join("/"),
        }
    }
}

/// What became of a stitcher's claim to a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This spool had claimed it before: all marked tiles are in it.
    Held {
        /// The token to mark with.
        token: Token,
    },
    /// Claimed now; tiles that another spool had are no longer marked.
    Cleared {
        /// The token to mark with.
        token: Token,
        /// Tiles that were marked before: they must be sent again.
        had: u32,
    },
    /// The job ended.
    Ended,
    /// The job is at another stage.
    OtherStage {
        /// Which.
        stage: u32,
    },
    /// There is no such job.
    Unknown,
}

/// A tile that is in its slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: u32,
    /// The claim's token.
    pub token: Token,
    /// The tile.
    pub index: u32,
    /// Who made it: [`State::worker_number`].
    pub worker_number: u16,
    /// Which attempt it was; above 65535 counts as that.
    pub attempt: u32,
    /// Milliseconds that its operations took, for the job's times.
    pub run_ms: f32,
}

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The tile is marked now.
    New,
    /// It was marked before.
    Known,
    /// All tiles of the stage are marked, be it by this mark or before.
    Complete,
    /// Another spool has claimed the stage: claim it again, or drop the tile.
    Fenced,
    /// The job ended, is at another stage, or has no such tile: drop it.
    Ended,
    /// A key of the job holds what does not belong there: the job is to fail.
    Damaged,
}

impl State {
    /// Claims a stage for the spool `spool`; `token` is used if the claim is new.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn claim(
        &self,
        job: JobId,
        stage: u32,
        spool: &Token,
        token: &Token,
        stitcher: &str,
    ) -> Result<Claim, StateError> {
        let call = script::CLAIM.call().key(self.keys.job(job));
        let call = call.key(self.keys.tiles(job, stage)).key(self.keys.by(job, stage)).indexes(&self.keys);
        let answer = self.script(call.arg(stage).arg(spool).arg(token).arg(stitcher).arg(now())).await?;
        match answer.word() {
            "held" => Ok(Claim::Held { token: answer.parse(1)? }),
            "cleared" => Ok(Claim::Cleared { token: answer.parse(1)?, had: answer.parse(2)? }),
            "ended" => Ok(Claim::Ended),
            "stage" => Ok(Claim::OtherStage { stage: answer.parse(1)? }),
            "unknown" => self.believe_unknown().await.map(|()| Claim::Unknown),
            _ => Err(answer.unexpected()),
        }
    }

    /// Marks tiles, in one pipeline; answers are in the order of the marks.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer: the tiles may be marked or not, marking again is harmless.
    pub async fn mark(&self, marks: &[Mark]) -> Result<Vec<Marked>, StateError> {
        let time = now();
        let call = |mark: &Mark| {
            let call = script::MARK.call().key(self.keys.job(mark.job));
            let call = call.key(self.keys.tiles(mark.job, mark.stage)).key(self.keys.by(mark.job, mark.stage));
            let attempt = mark.attempt.min(u32::from(u16::MAX));
            let call = call.arg(mark.stage).arg(&mark.token).arg(mark.index).arg(mark.worker_number).arg(attempt);
            // What is not a number becomes 0, one that is too large the largest.
            let micros = (mark.run_ms * 1000.0).round() as u32;
            call.arg(&time).arg(millis_of(mark.run_ms)).arg(micros)
        };
        let answers = self.scripts(marks.iter().map(call).collect()).await?;
        if answers.iter().flatten().any(|answer| answer.word() == "unknown") {
            self.believe_unknown().await?;
        }
        let marked = answers.iter().map(|answer| match answer.as_ref().map(Answer::word) {
            Ok("new") => Marked::New,
            Ok("known") => Marked::Known,
            Ok("complete") => Marked::Complete,
            Ok("fenced") => Marked::Fenced,
            Ok("ended" | "unknown") => Marked::Ended,
            Ok(_) | Err(_) => Marked::Damaged,
        });
        Ok(marked.collect())
    }

    /// Clears the mark of a tile whose slot is bad. A job that was `finishing` is `processing` again.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn unmark(&self, job: JobId, stage: u32, token: &Token, index: u32) -> Result<Transition, StateError> {
        let call = script::UNMARK.call().key(self.keys.job(job)).key(self.keys.tiles(job, stage)).indexes(&self.keys);
        let call = call.arg(stage).arg(token).arg(index).arg(now());
        self.transition(call).await
    }

    /// → `finishing`: every tile of the last stage is in the claim holder's spool.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn finishing(&self, job: JobId, token: &Token) -> Result<Transition, StateError> {
        let call = script::FINISHING.call().key(self.keys.job(job)).indexes(&self.keys).arg(token).arg(now());
        self.transition(call).await
    }

    /// Stage `from` → the next: its claim, lease and tiles go, and the job is ready again. Numbers are kept
    /// beside those of other stages, to the end of the job; rows take the place of earlier ones.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn next_stage(
        &self,
        job: JobId,
        from: u32,
        token: &Token,
        given: &Given,
    ) -> Result<Transition, StateError> {
        let call = script::NEXT_STAGE.call().key(self.keys.job(job)).indexes(&self.keys);
        let call = call.arg(from).arg(token).arg(given.text()).arg(now()).arg(given.field(from));
        self.transition(call).await
    }
}

/// Milliseconds as a script adds them: a worker says how many, so that any number may come.
fn millis_of(ms: f32) -> String {
    format!("{:.3}", if ms.is_finite() { ms.clamp(0.0, 1e9) } else { 0.0 })
}
