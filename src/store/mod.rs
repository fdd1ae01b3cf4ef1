//! The store of originals, manifests, results and end markers: what a job is rebuilt from.
//!
//! Owns the names of objects, which are made from parsed ids only, and what *visible* means: an object is
//! there when it is whole. Offers no paths and no renames, so that another kind of store can take its place.

mod local;
mod object;
mod reader;
mod records;
mod room;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub use local::{LocalFile, Swept};
pub use object::{BadName, Object};
pub use reader::ObjectStream;
pub use room::Shortage;
pub use writer::{BlockingWriter, ObjectWriter};

use crate::config::{StoreArgs, Sync};
use crate::job::JobId;
use local::Root;

/// The largest object that is read whole: manifests and end markers.
const MAX_WHOLE_BYTES: u64 = 16 << 20;

/// Why the store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk (or a quota on it) is full.
    #[error("writing {name}: the store is full")]
    Full {
        /// The object.
        name: String,
    },
    /// The store does not answer, or refuses.
    #[error("{doing} {name}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The object.
        name: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// The object is not there.
    #[error("{name} is not in the store")]
    Missing {
        /// The object.
        name: String,
    },
    /// The object is not what belongs there.
    #[error("reading {name}: {cause}")]
    Damaged {
        /// The object.
        name: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The address names a store that this program does not have.
    #[error("opening the store {url}: {cause}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    /// Objects that are synced to the disk before they count.
    durable: Arc<dyn ObjectStore>,
    /// All others.
    plain: Arc<dyn ObjectStore>,
    root: Root,
    sync: Sync,
}

impl Store {
    /// Opens the store and makes its folder.
    ///
    /// # Errors
    /// [`StoreError::Address`] if the address is not `file://FOLDER`, or the folder cannot be made.
    pub fn open(args: &StoreArgs) -> Result<Self, StoreError> {
        let wrong = |cause: String| StoreError::Address { url: args.store.clone(), cause };
        let folder = match args.store.split_once("://") {
            Some(("file", folder)) if !folder.is_empty() => folder,
            Some(("s3", _)) => return Err(wrong("s3:// is not built in yet, use file://FOLDER".to_owned())),
            _ => return Err(wrong("use file://FOLDER".to_owned())),
        };
        let root = Root::make(folder.as_ref(), &args.scratch_dir).map_err(|error| wrong(error.to_string()))?;
        let open = |fsync: bool| root.open(fsync).map_err(|error| wrong(error.to_string()));
        Ok(Self { durable: open(true)?, plain: open(false)?, root, sync: args.sync })
    }

    fn backend(&self, object: &Object) -> &Arc<dyn ObjectStore> {
        let durable = match self.sync {
            Sync::None => false,
            Sync::Results => matches!(object, Object::Result { .. } | Object::End(_)),
            Sync::All => true,
        };
        if durable { &self.durable } else { &self.plain }
    }

    /// Writes a small object in one piece.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`]; nothing is visible then.
    pub async fn put(&self, object: &Object, bytes: Bytes) -> Result<(), StoreError> {
        let outcome = self.backend(object).put(&object.path(), bytes.into()).await;
        outcome.map(|_| ()).map_err(|error| StoreError::of("writing", object, error))
    }

    /// Reads a small object whole; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it is larger than anything that is read whole.
    pub async fn get(&self, object: &Object) -> Result<Option<Bytes>, StoreError> {
        let Some(size) = self.size(object).await? else { return Ok(None) };
        if size > MAX_WHOLE_BYTES {
            let cause = format!("it has {size} bytes, at most {MAX_WHOLE_BYTES} were expected");
            return Err(StoreError::Damaged { name: object.to_string(), cause });
        }
        let read = async { self.plain.get(&object.path()).await?.bytes().await };
        found(object, read.await)
    }

    /// Bytes of an object; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer.
    pub async fn size(&self, object: &Object) -> Result<Option<u64>, StoreError> {
        found(object, self.plain.head(&object.path()).await.map(|meta| meta.size))
    }

    /// Deletes an object; one that is not there is a success.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store refuses.
    pub async fn delete(&self, object: &Object) -> Result<(), StoreError> {
        match self.plain.delete(&object.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::of("deleting", object, error)),
        }
    }

    /// Deletes all that is a job's, unfinished writes too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store refuses.
    pub async fn delete_job(&self, job: JobId) -> Result<(), StoreError> {
        // The manifest goes last: while it is there, a rebuild would not take the job for an upload's rest.
        let manifest = Object::Manifest(job);
        let folder = Path::from(job.to_string());
        let mut objects = self.plain.list(Some(&folder));
        while let Some(found) = objects.next().await {
            let meta = found.map_err(|error| StoreError::of("listing", &manifest, error))?;
            if meta.location != manifest.path() {
                self.delete_path(&manifest, &meta.location).await?;
            }
        }
        self.delete(&manifest).await?;
        self.root.remove_job(job).await.map_err(|error| StoreError::of("deleting", &manifest, error))
    }

    async fn delete_path(&self, object: &Object, path: &Path) -> Result<(), StoreError> {
        match self.plain.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::of("deleting", object, error)),
        }
    }

    /// The jobs of which the store has anything, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer.
    pub async fn jobs(&self) -> Result<Vec<JobId>, StoreError> {
        let listed = self.plain.list_with_delimiter(None).await;
        let listed =
            listed.map_err(|source| StoreError::Unavailable { doing: "listing", name: "jobs".into(), source })?;
        let named = |path: &Path| path.filename()?.parse().ok();
        let mut jobs: Vec<JobId> = listed.common_prefixes.iter().filter_map(named).collect();
        jobs.sort_unstable();
        Ok(jobs)
    }
}

impl StoreError {
    /// Tells a full disk from all else.
    fn of(doing: &'static str, object: &Object, error: object_store::Error) -> Self {
        Self::named(doing, object.to_string(), error)
    }

    fn named(doing: &'static str, name: String, error: object_store::Error) -> Self {
        if local::is_full(&error) { Self::Full { name } } else { Self::Unavailable { doing, name, source: error } }
    }

    /// Whether waiting may help: the store is full or does not answer.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Unavailable { .. })
    }
}

fn found<T>(object: &Object, outcome: object_store::Result<T>) -> Result<Option<T>, StoreError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(StoreError::of("reading", object, error)),
    }
}

#[cfg(test)]
mod tests;
