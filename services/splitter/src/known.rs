//! What a splitter remembers of jobs that it looked at lately: their descriptions, and how often it has read them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use tessera::job::{JobId, KeptText, Manifest};
use tessera::store::{Store, StoreError};

/// Descriptions and counts that are remembered.
const MOST_REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What is remembered; the job that was not asked for the longest goes first.
#[derive(Debug)]
pub struct Remembered {
    manifests: LruCache<JobId, Arc<Manifest>>,
    sent_before: LruCache<(JobId, u32, u32), u32>,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { manifests: LruCache::new(MOST_REMEMBERED), sent_before: LruCache::new(MOST_REMEMBERED) }
    }
}

impl Remembered {
    /// Has a job's description read again when it is asked for next.
    pub fn forget(&mut self, job: JobId) {
        self.manifests.pop(&job);
    }

    /// How often this splitter has read for a stage of a run, this time included.
    pub fn count_pass(&mut self, pass: (JobId, u32, u32)) -> u32 {
        let count = self.sent_before.get(&pass).copied().unwrap_or(0) + 1;
        self.sent_before.put(pass, count);
        count
    }

    /// A job's description, without what is only written beside its result; `None` if the store has none.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot give it.
    pub async fn manifest(&mut self, store: &Store, job: JobId) -> Result<Option<Arc<Manifest>>, StoreError> {
        if let Some(manifest) = self.manifests.get(&job) {
            return Ok(Some(manifest.clone()));
        }
        // Many are remembered, and what is written beside a result's pixels may be large: none of it is used here.
        let plain = |manifest| Arc::new(Manifest { kept: KeptText::default(), ..manifest });
        let manifest = store.manifest(job).await?.map(plain);
        if let Some(manifest) = &manifest {
            self.manifests.put(job, manifest.clone());
        }
        Ok(manifest)
    }
}
