//! Running a job again.

use tessera::bus::records::JobCommand;
use tessera::job::JobStatus;
use tessera::mending::run_again;
use tessera::state::JobView;
use tessera::store::Object;

use super::change::{allowed, refusal, tell};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// Runs a failed or cancelled job again, from its original.
///
/// # Errors
/// [`Problem::Conflict`] if it has not failed, [`Problem::Gone`] if its files are no longer kept.
pub async fn retry(services: &Services, view: &JobView) -> Result<(), Problem> {
    let job = view.job;
    if !matches!(view.status, JobStatus::Failed | JobStatus::Cancelled) {
        return Err(refusal(view.status, "run again"));
    }
    services.admission.check_store()?;
    let gone = || Problem::Gone("the job's picture is no longer kept".to_owned());
    let manifest = services.store.manifest(job).await?.ok_or_else(gone)?;
    if let Some(damage) = services.store.check_length(&Object::Original(job), manifest.bytes_in).await? {
        return Err(Problem::Gone(format!("the job's picture is damaged in the store: {damage}")));
    }
    allowed(run_again(&services.state, &services.store, manifest, view.run).await?, "run again")?;
    tell(services, JobCommand::NextStage { job }, view.trace).await;
    Ok(())
}
