//! What the store knows of a job in words: its description, and how it ended.
//!
//! Owns that a description that is read is that job's own.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::local::generic;
use super::{Object, Store, StoreError};
use crate::config::Sync;
use crate::job::{EndMarker, JobId, Manifest};

impl Store {
    /// Whether the store answers at all: what it cannot give then is that one object.
    pub async fn answers(&self) -> bool {
        self.size(&Object::Manifest(JobId::random())).await.is_ok()
    }

    /// Writes a job's description.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let object = Object::Manifest(manifest.job);
        self.put_json(&object, manifest).await?;
        let reserved = self.root.reserve_end(manifest.job).await;
        reserved.map_err(|error| StoreError::of("reserving room beside", &object, generic(error)))
    }

    /// A job's description; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it does not read, or is another job's.
    pub async fn manifest(&self, job: JobId) -> Result<Option<Manifest>, StoreError> {
        let manifest: Option<Manifest> = self.get_json(&Object::Manifest(job)).await?;
        own(job, manifest, |manifest| manifest.job, Object::Manifest)
    }

    /// Writes how a job ended: on a full disk into the room that was reserved with the job's description.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_end(&self, end: &EndMarker) -> Result<(), StoreError> {
        let object = Object::End(end.job);
        let full = match self.put_json(&object, end).await {
            Err(full @ StoreError::Full { .. }) => full,
            outcome => {
                if outcome.is_ok() {
                    self.root.free_end(end.job).await;
                }
                return outcome;
            }
        };
        let text = self.json(&object, end)?;
        match self.root.put_reserved_end(end.job, text, self.sync != Sync::None).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::debug!(job = %end.job, %error, "there was no room reserved for the end marker");
                Err(full)
            }
        }
    }

    /// How a job ended; `None` if it has not.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it does not read, or is another job's.
    pub async fn end(&self, job: JobId) -> Result<Option<EndMarker>, StoreError> {
        let end: Option<EndMarker> = self.get_json(&Object::End(job)).await?;
        own(job, end, |end| end.job, Object::End)
    }

    async fn put_json<T: Serialize>(&self, object: &Object, value: &T) -> Result<(), StoreError> {
        let text = self.json(object, value)?;
        self.put(object, text.into()).await
    }

    fn json<T: Serialize>(&self, object: &Object, value: &T) -> Result<Vec<u8>, StoreError> {
        let damaged =
            |error: serde_json::Error| StoreError::Damaged { name: object.to_string(), cause: error.to_string() };
        serde_json::to_vec_pretty(value).map_err(damaged)
    }

    async fn get_json<T: DeserializeOwned>(&self, object: &Object) -> Result<Option<T>, StoreError> {
        let damaged =
            |error: serde_json::Error| StoreError::Damaged { name: object.to_string(), cause: error.to_string() };
        let bytes = self.get(object).await?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(damaged)).transpose()
    }
}

fn own<T>(
    job: JobId,
    value: Option<T>,
    whose: impl Fn(&T) -> JobId,
    object: impl Fn(JobId) -> Object,
) -> Result<Option<T>, StoreError> {
    match value {
        Some(value) if whose(&value) != job => {
            Err(StoreError::Damaged { name: object(job).to_string(), cause: format!("it is of job {}", whose(&value)) })
        }
        value => Ok(value),
    }
}
