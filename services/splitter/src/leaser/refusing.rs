//! Jobs that cannot be leased, or are no longer what their description says.

use std::time::Instant;

use tessera::job::{Grain, JobId};
use tessera::state::{Release, StateError};
use tessera::store::StoreError;

use super::{BUSY_PAUSE, Leaser};
use crate::grant::Grant;
use crate::{verdict, whole};

/// Why a job is not leased now.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaseError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Leaser {
    /// A job could not be leased: what is damaged of it fails it, anything else may pass.
    pub(super) async fn refused(&mut self, job: JobId, error: LeaseError) {
        let reason = match &error {
            LeaseError::State(error @ StateError::Data(_)) => error.as_reason(),
            LeaseError::Store(error @ StoreError::Damaged { .. }) => {
                format!("what the store has of this job is damaged: {error}; send the picture again")
            }
            error => {
                tracing::debug!(%job, %error, "leasing a job");
                self.resting.insert(job, Instant::now() + BUSY_PAUSE);
                return;
            }
        };
        verdict::fail(&self.splitter, job, &reason).await;
    }

    /// Whether a job is still what its description, as it is remembered, says. One that was started over in tiles is
    /// remembered anew, and leased again; where Redis was not told of that, it is now.
    pub(super) async fn is_as_described(&mut self, grant: &Grant) -> Result<bool, LeaseError> {
        let (job, grain) = (grant.manifest.job, grant.manifest.grain());
        if grant.manifest.tiled.is_none() || grant.manifest.run == grant.run {
            return Ok(true);
        }
        self.known.forget(job);
        let Some(manifest) = self.known.manifest(&self.splitter.store, job).await? else { return Ok(true) };
        if manifest.grain() == Grain::Tiles && manifest.run > grant.run {
            whole::make_good(&self.splitter, grant, &manifest, "it could not be run whole").await;
        }
        if manifest.grain() == grain && manifest.run <= grant.run {
            return Ok(true);
        }
        self.splitter.state.release(job, &grant.lease, Release::Drained).await?;
        Ok(false)
    }
}
