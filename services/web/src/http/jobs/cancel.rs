//! Cancelling a job.

use tessera::bus::records::JobCommand;
use tessera::ending::{self, JobVerdict};
use tessera::state::JobView;

use super::change::{allowed, tell};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// Ends an unfinished job.
///
/// # Errors
/// [`Problem::Conflict`] if it has ended otherwise.
pub async fn cancel(services: &Services, view: &JobView) -> Result<(), Problem> {
    let job = view.job;
    services.admission.check_store()?;
    let (verdict, keep) = (JobVerdict::cancelled(job), services.config.limits.keep_results());
    allowed(ending::end(&services.state, &services.store, &verdict, keep).await?, "cancelled")?;
    tell(services, JobCommand::Ended { job }, view.trace).await;
    Ok(())
}
