//! The scrub: reads the files of all jobs, slowly, again and again, and has damaged results made again.
//!
//! Owns its pace. Never reads faster than its setting, and nothing while another monitor is on duty.

use std::time::Duration;

use tessera::job::{JobId, JobStatus};
use tessera::mending::{Finding, inspect, replace_result};
use tessera::store::{Object, StoreError};

use crate::backends::MonitorBackends;
use crate::cleaning::CleaningError;

/// Between two looks while another monitor is on duty, or nothing can be read.
const REST: Duration = Duration::from_secs(5);
/// Between two jobs, however small they are.
const BETWEEN_JOBS: Duration = Duration::from_millis(20);

/// How the scrub is paced.
#[derive(Clone, Copy, Debug)]
pub struct ScrubPace {
    /// Bytes a second; 0: there is no scrub.
    pub rate: u64,
    /// Between the ends of two rounds.
    pub rest: Duration,
}

/// Reads round after round; never ends.
pub async fn run(backends: MonitorBackends, pace: ScrubPace) {
    if pace.rate == 0 {
        return std::future::pending().await;
    }
    loop {
        let rest = match round(&backends, pace.rate).await {
            Ok(true) => pace.rest,
            Ok(false) => REST,
            Err(error) => {
                tracing::warn!(%error, "a round of the scrub could not be completed");
                REST
            }
        };
        tokio::time::sleep(rest).await;
    }
}

/// Reads the files of all jobs once; `false` if this monitor is not on duty.
async fn round(backends: &MonitorBackends, rate: u64) -> Result<bool, CleaningError> {
    let (mut jobs, mut damaged) = (0_u64, 0_u64);
    for job in backends.store.jobs().await? {
        if !backends.duty.is_on() {
            return Ok(false);
        }
        match inspect(&backends.store, job, Some(rate)).await {
            Ok(findings) => {
                jobs += 1;
                damaged += findings.len() as u64;
                for finding in &findings {
                    settle(backends, job, finding).await?;
                }
            }
            Err(error @ StoreError::Unavailable { .. }) => return Err(error.into()),
            Err(error) => tracing::warn!(%job, %error, "the files of a job could not be read"),
        }
        tokio::time::sleep(BETWEEN_JOBS).await;
    }
    tracing::debug!(jobs, damaged, "scrubbed");
    Ok(true)
}

async fn settle(backends: &MonitorBackends, job: JobId, finding: &Finding) -> Result<(), CleaningError> {
    tracing::error!(%job, file = %finding.object, damage = %finding.damage, "a file in the store is damaged");
    backends.counts.damaged();
    let Some(view) = backends.state.job(job).await? else { return Ok(()) };
    let is_its_result = view.status == JobStatus::Done && view.final_filename == Some(finding.object.to_string());
    if is_its_result && matches!(finding.object, Object::Result { .. }) {
        let mended = replace_result(&backends.state, &backends.store, &view, &finding.damage, backends.keep()).await?;
        tracing::warn!(%job, ?mended, "a damaged result was taken out of use");
    }
    Ok(())
}
