//! The store of originals, manifests, results and end markers: what a job is rebuilt from.
//!
//! Owns the names of objects, which are made from parsed ids only, and what *visible* means: an object is
//! there when it is whole. Offers no paths and no renames, so that another kind of store can take its place.

mod error;
mod identity;
mod layout;
mod local;
mod object;
mod reader;
mod records;
mod room;
mod slots;
mod sweep;
mod verify;
mod writer;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

pub use error::StoreError;
pub use identity::StoreId;
pub use layout::keep_files_private;
pub use local::LocalFile;
pub use object::{BadName, Object};
pub use reader::ObjectStream;
pub use room::{Room, Shortage};
pub use slots::{SlotKind, SlotPlace, SlotsOf};
pub use sweep::{Swept, clock_of};
pub use verify::{Damage, Version};
pub use writer::{BlockingWriter, ObjectWriter, Written};

use crate::config::{StoreArgs, Sync};
use crate::job::JobId;
use local::Root;

/// The largest object that is read whole: manifests and end markers.
const MAX_WHOLE_BYTES: u64 = 16 << 20;

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    root: Root,
    sync: Sync,
    backends: Arc<OnceLock<Backends>>,
}

/// The folder as two object stores, opened at the first use.
#[derive(Debug)]
struct Backends {
    /// Objects that are synced to the disk before they count.
    durable: Arc<dyn ObjectStore>,
    /// All others.
    plain: Arc<dyn ObjectStore>,
}

impl Store {
    /// Opens the store and makes its folder.
    ///
    /// # Errors
    /// [`StoreError::Address`] if the address is not `file://FOLDER`, or the folder cannot be made.
    pub fn open(args: &StoreArgs) -> Result<Self, StoreError> {
        let store = Self::at(args)?;
        store.root.make().map_err(|error| address_error(&args.store, error.to_string()))?;
        Ok(store)
    }

    /// The store at an address, whether its folder is there or not: until it is, all that is asked of the store
    /// fails as [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// [`StoreError::Address`] if the address is not `file://FOLDER`, or the folder for scratch files cannot be made.
    pub fn at(args: &StoreArgs) -> Result<Self, StoreError> {
        let folder = folder_of(&args.store)?;
        let root =
            Root::at(folder, &args.scratch_dir).map_err(|error| address_error(&args.store, error.to_string()))?;
        Ok(Self { root, sync: args.sync, backends: Arc::default() })
    }

    /// As [`Store::at`] for a process that keeps no scratch files: nothing is made.
    ///
    /// # Errors
    /// As [`Store::at`].
    pub fn without_scratch(url: &str, sync: Sync) -> Result<Self, StoreError> {
        let root = Root::bare(folder_of(url)?).map_err(|error| address_error(url, error.to_string()))?;
        Ok(Self { root, sync, backends: Arc::default() })
    }

    fn backends(&self) -> object_store::Result<&Backends> {
        if let Some(backends) = self.backends.get() {
            return Ok(backends);
        }
        let opened = Backends { durable: self.root.open(true)?, plain: self.root.open(false)? };
        Ok(self.backends.get_or_init(|| opened))
    }

    fn plain(&self) -> object_store::Result<&Arc<dyn ObjectStore>> {
        self.backends().map(|backends| &backends.plain)
    }

    fn backend(&self, object: &Object) -> object_store::Result<&Arc<dyn ObjectStore>> {
        let durable = match self.sync {
            Sync::None => false,
            Sync::Results => matches!(object, Object::Result { .. } | Object::End(_)),
            Sync::All => true,
        };
        self.backends().map(|backends| if durable { &backends.durable } else { &backends.plain })
    }

    /// Writes a small object in one piece.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`]; nothing is visible then.
    pub async fn put(&self, object: &Object, bytes: Bytes) -> Result<(), StoreError> {
        let put = async {
            self.root.make_job(object.job()).await?;
            self.backend(object)?.put(&self.root.object_path(object), bytes.into()).await
        };
        put.await.map(|_| ()).map_err(|error| StoreError::of("writing", object, error))
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
        let read = async { self.plain()?.get(&self.root.object_path(object)).await?.bytes().await };
        found(object, read.await)
    }

    /// Bytes of an object; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer.
    pub async fn size(&self, object: &Object) -> Result<Option<u64>, StoreError> {
        let head = async { self.plain()?.head(&self.root.object_path(object)).await };
        found(object, head.await.map(|meta| meta.size))
    }

    /// Deletes an object, and with a result or a picture its pyramid; one that is not there is a success.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store refuses.
    pub async fn delete(&self, object: &Object) -> Result<(), StoreError> {
        self.delete_path(object, &self.root.object_path(object)).await?;
        if let Some(pyramid) = object.pyramid() {
            self.delete_path(&pyramid, &self.root.object_path(&pyramid)).await?;
        }
        // What a job's last object leaves belongs to no job.
        self.root.remove_if_empty(object.job()).await;
        Ok(())
    }

    /// Deletes all that is a job's, unfinished writes too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store refuses.
    pub async fn delete_job(&self, job: JobId) -> Result<(), StoreError> {
        // The manifest goes last: while it is there, a rebuild would not take the job for an upload's rest.
        let manifest = Object::Manifest(job);
        let folder = self.root.job_path(job);
        let last = self.root.object_path(&manifest);
        let plain = self.plain().map_err(|error| StoreError::of("deleting", &manifest, error))?;
        let mut objects = plain.list(Some(&folder));
        while let Some(found) = objects.next().await {
            let meta = found.map_err(|error| StoreError::of("listing", &manifest, error))?;
            if meta.location != last {
                self.delete_path(&manifest, &meta.location).await?;
            }
        }
        self.delete(&manifest).await?;
        self.root.remove_job(job).await.map_err(|error| StoreError::of("deleting", &manifest, error))
    }

    async fn delete_path(&self, object: &Object, path: &Path) -> Result<(), StoreError> {
        let delete = async { self.plain()?.delete(path).await };
        match delete.await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::of("deleting", object, error)),
        }
    }

    /// The jobs of which the store has anything, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer.
    pub async fn jobs(&self) -> Result<Vec<JobId>, StoreError> {
        let listed = self.root.jobs().await;
        listed.map_err(|source| StoreError::Unavailable { doing: "listing", name: "jobs".into(), source })
    }
}

/// The folder that an address names.
fn folder_of(url: &str) -> Result<&std::path::Path, StoreError> {
    match url.split_once("://") {
        Some(("file", folder)) if !folder.is_empty() => Ok(folder.as_ref()),
        Some(("s3", _)) => Err(address_error(url, "s3:// is not built in yet, use file://FOLDER".to_owned())),
        _ => Err(address_error(url, "use file://FOLDER".to_owned())),
    }
}

fn address_error(url: &str, cause: String) -> StoreError {
    StoreError::Address { url: url.to_owned(), cause }
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
