//! What the store knows of a job in words: its description, and how it ended.
//!
//! Owns that a description that is read is that job's own.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Object, Store, StoreError};
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
        self.put_json(&Object::Manifest(manifest.job), manifest).await
    }

    /// A job's description; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it does not read, or is another job's.
    pub async fn manifest(&self, job: JobId) -> Result<Option<Manifest>, StoreError> {
        let manifest: Option<Manifest> = self.get_json(&Object::Manifest(job)).await?;
        own(job, manifest, |manifest| manifest.job, Object::Manifest)
    }

    /// Writes how a job ended.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_end(&self, end: &EndMarker) -> Result<(), StoreError> {
        self.put_json(&Object::End(end.job), end).await
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
        let damaged =
            |error: serde_json::Error| StoreError::Damaged { name: object.to_string(), cause: error.to_string() };
        let text = serde_json::to_vec_pretty(value).map_err(damaged)?;
        self.put(object, text.into()).await
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
