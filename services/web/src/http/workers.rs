//! Finding a worker, for pages and the interface alike.

use tessera::job::WorkerId;
use tessera::state::{WorkerTile, WorkerView};

use super::problem::Problem;
use super::services::Services;

/// The worker of that id and its history.
///
/// # Errors
/// [`Problem::NotFound`] if it has not been seen lately.
pub async fn find_worker(services: &Services, id: &str) -> Result<(WorkerView, Vec<WorkerTile>), Problem> {
    let unknown = || Problem::NotFound("no worker of that name has been seen in the last day".to_owned());
    let id: WorkerId = id.parse().map_err(|_| unknown())?;
    let view = services.state.worker(&id).await?.ok_or_else(unknown)?;
    Ok((view, services.state.worker_history(&id).await?))
}
