//! Deleting a job that has ended, with its files.

use tessera::state::JobView;

use super::change::allowed;
use crate::http::problem::Problem;
use crate::http::services::Services;

/// Deletes a job and its files.
///
/// # Errors
/// [`Problem::Conflict`] if it has not ended.
pub async fn delete(services: &Services, view: &JobView) -> Result<(), Problem> {
    if !view.status.is_terminal() {
        return Err(Problem::Conflict(format!("the job is {}: cancel it before you delete it", view.status)));
    }
    services.admission.check_store()?;
    allowed(services.state.expire(view.job).await?, "deleted")?;
    services.store.delete_job(view.job).await?;
    Ok(())
}
