//! The plan of a job as the job's hash has it: what a tile's record must agree with.
//!
//! Owns reading it. The field is written with the hash by the service that made or read the manifest, never from a
//! record.

use std::collections::HashMap;

use super::client::State;
use super::error::StateError;
use super::view;
use crate::job::JobId;
use crate::operation::Chain;
use crate::plan::{Plan, PlanHash, Stage};

/// A stage, as tasks for its tiles must describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStage {
    /// The hash of the job's plan.
    pub plan: PlanHash,
    /// The stage.
    pub stage: Stage,
    /// Its steps, with the numbers that earlier stages gave.
    pub steps: Chain,
}

/// What a job's hash says of a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum StagePlan {
    /// This is it.
    Known(Box<PlannedStage>),
    /// The hash was written by a version that kept no plan there.
    Untold,
    /// Its tiles are not wanted: there is no such job, run or stage, or the job is at another.
    Unwanted,
}

impl State {
    /// What a job's hash says of a stage of one of its runs: slots and numbers are each run's own.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, has lost its data, or holds a plan that does not read.
    pub async fn stage_plan(&self, job: JobId, run: u32, stage: u32) -> Result<StagePlan, StateError> {
        let hash: HashMap<String, String> = self.query(redis::cmd("HGETALL").arg(self.keys.job(job))).await?;
        if hash.is_empty() {
            return self.believe_unknown().await.map(|()| StagePlan::Unwanted);
        }
        let number = |field: &str, unless: u32| hash.get(field).map_or(Some(unless), |text| text.parse().ok());
        // The hash of an older version names no run.
        if number("stage", 0) != Some(stage) || number("run", run) != Some(run) {
            return Ok(StagePlan::Unwanted);
        }
        let Some(text) = hash.get(view::PLAN) else { return Ok(StagePlan::Untold) };
        let wrong = |what: &str| StateError::Data(format!("the plan of job {job} in redis {what}; retry the job"));
        let (digest, plan) = text.split_once(' ').ok_or_else(|| wrong("has no hash"))?;
        let digest: PlanHash = digest.parse().map_err(|_| wrong("has no hash"))?;
        let plan: Plan = serde_json::from_str(plan).map_err(|error| wrong(&format!("does not read ({error})")))?;
        let Some(found) = plan.stage(stage).cloned() else { return Ok(StagePlan::Unwanted) };
        // Without its numbers the stage cannot have been cut.
        let Ok(steps) = plan.chain(stage, &view::numbers(&hash)) else { return Ok(StagePlan::Unwanted) };
        Ok(StagePlan::Known(Box::new(PlannedStage { plan: digest, stage: found, steps })))
    }
}
