//! What only a store on this machine's disk needs: its folder, plain files, and room for end markers.
//!
//! With [`super::layout`] and [`super::sweep`] the only place of the store that knows paths.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use super::{Object, Store, StoreError, Version, layout};
use crate::job::JobId;

/// The file in a job's folder that keeps room for its end marker, and its length: more than any marker has.
const END_ROOM: &str = "end.room";
const END_ROOM_BYTES: usize = 4096;

/// The folder of the store.
#[derive(Clone, Debug)]
pub(super) struct Root {
    folder: PathBuf,
    scratch: PathBuf,
}

/// An object as a plain file, for decoders.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    bytes: u64,
    version: Version,
}

impl LocalFile {
    /// The file, at its beginning.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Which of the files that lay under its name it is.
    pub(super) fn version(&self) -> Version {
        self.version.clone()
    }
}

impl Root {
    /// The store in `folder`, which need not be there; makes the folder for scratch files.
    pub(super) fn at(folder: &Path, scratch: &Path) -> io::Result<Self> {
        layout::make_private(scratch)?;
        Ok(Self { folder: std::path::absolute(folder)?, scratch: scratch.to_owned() })
    }

    /// The store in `folder`, for a process that keeps no scratch files; nothing is made.
    pub(super) fn bare(folder: &Path) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        Ok(Self { scratch: folder.clone(), folder })
    }

    /// Makes the store's folder.
    pub(super) fn make(&self) -> io::Result<()> {
        layout::make_private(&self.folder)
    }

    /// Whether files can be made in the store's folder, as far as can be said without making one.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        use rustix::fs::{Access, access};
        Ok(access(&self.folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub(super) fn open(&self, fsync: bool) -> object_store::Result<Arc<dyn ObjectStore>> {
        let local = LocalFileSystem::new_with_prefix(&self.folder)?;
        Ok(Arc::new(local.with_fsync(fsync)))
    }

    pub(super) fn path(&self, object: &Object) -> PathBuf {
        self.folder.join(layout::name_of_object(&self.folder, object))
    }

    /// Where an object is, as `object_store` names it.
    pub(super) fn object_path(&self, object: &Object) -> object_store::path::Path {
        layout::name_of_object(&self.folder, object).into()
    }

    /// The same for a job's folder.
    pub(super) fn job_path(&self, job: JobId) -> object_store::path::Path {
        layout::name_of(&self.folder, job).into()
    }

    pub(super) fn job(&self, job: JobId) -> PathBuf {
        self.folder.join(layout::name_of(&self.folder, job))
    }

    /// Makes the folder of a job that is about to be written to.
    pub(super) async fn make_job(&self, job: JobId) -> object_store::Result<()> {
        let root = self.folder.clone();
        blocking(move || layout::make_job(&root, job)).await.map_err(generic)
    }

    /// The jobs that have a folder, the oldest first.
    pub(super) async fn jobs(&self) -> object_store::Result<Vec<JobId>> {
        let root = self.folder.clone();
        let listed = blocking(move || layout::jobs(&root)).await.map_err(generic)?;
        let mut jobs: Vec<JobId> = listed.into_iter().map(|(job, _)| job).collect();
        jobs.sort_unstable();
        jobs.dedup();
        Ok(jobs)
    }

    /// Keeps room for a job's end marker, so that a job can be ended on a full disk. The bytes are written, as a
    /// file of holes would take none.
    pub(super) async fn reserve_end(&self, job: JobId) -> io::Result<()> {
        let path = self.job(job).join(END_ROOM);
        blocking(move || std::fs::write(path, [b' '; END_ROOM_BYTES])).await
    }

    /// Gives the room for a job's end marker back: the marker is there.
    pub(super) async fn free_end(&self, job: JobId) {
        let path = self.job(job).join(END_ROOM);
        let _ = blocking(move || std::fs::remove_file(path)).await;
    }

    /// Writes an end marker into the room that was kept for it. Of several writers one has it.
    pub(super) async fn put_reserved_end(&self, job: JobId, text: Vec<u8>, synced: bool) -> io::Result<()> {
        let folder = self.job(job);
        blocking(move || {
            if text.len() > END_ROOM_BYTES {
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            let taken = folder.join(format!("end.json#{}", std::process::id()));
            std::fs::rename(folder.join(END_ROOM), &taken)?;
            let mut file = File::options().write(true).open(&taken)?;
            file.write_all(&text)?;
            file.set_len(text.len() as u64)?;
            if synced {
                file.sync_all()?;
            }
            std::fs::rename(&taken, folder.join("end.json"))?;
            if synced { File::open(&folder)?.sync_all() } else { Ok(()) }
        })
        .await
    }

    /// Removes a job's folder with all that is in it.
    pub(super) async fn remove_job(&self, job: JobId) -> object_store::Result<()> {
        let folder = self.job(job);
        blocking(move || match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
        .map_err(generic)
    }

    /// Removes an object that could not be made visible, wherever that failed.
    pub(super) async fn remove_object(&self, object: &Object) {
        let (path, folder) = (self.path(object), self.job(object.job()));
        let removed = blocking(move || {
            let _ = std::fs::remove_file(&path);
            for entry in std::fs::read_dir(&folder)?.flatten() {
                // An unfinished write is named as its object, then `#` and a number.
                let name = entry.file_name().to_string_lossy().into_owned();
                let of = name.split_once('#').map(|(of, _)| folder.join(of));
                if of.as_ref() == Some(&path) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            std::fs::remove_dir(folder)
        });
        if let Err(error) = removed.await {
            tracing::debug!(object = %object, %error, "could not remove an unfinished object");
        }
    }

    /// Removes a job's folder if nothing is in it; a failure leaves it to the sweep.
    pub(super) async fn remove_if_empty(&self, job: JobId) {
        let folder = self.job(job);
        let _ = blocking(move || std::fs::remove_dir(folder)).await;
    }
}

impl Store {
    /// A file without a name for what a job keeps aside, on the store's own disk; it is gone when it is dropped. Blocks.
    ///
    /// # Errors
    /// If the store takes no file, or has nothing of the job.
    pub fn make_aside(&self, job: JobId) -> io::Result<File> {
        tempfile::tempfile_in(self.root.job(job))
    }

    /// Where an object lies on this machine's disk, whether it is there or not: for people who look after it, and for
    /// tests that damage it. What the services read and write goes through the store.
    pub fn place_of(&self, object: &Object) -> PathBuf {
        self.root.path(object)
    }

    /// Opens an object as a plain file.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is not there, [`StoreError::Unavailable`] if it cannot be opened.
    pub async fn open_local(&self, object: &Object) -> Result<LocalFile, StoreError> {
        let path = self.root.path(object);
        let opened = blocking(move || {
            let file = File::open(path)?;
            let meta = file.metadata()?;
            Ok(LocalFile { file, bytes: meta.len(), version: version_of(&meta) })
        });
        opened.await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { name: object.to_string() },
            _ => StoreError::of("opening", object, generic(error)),
        })
    }
}

/// By what the file system changes with every write: no program can set a file's time of change.
fn version_of(meta: &Metadata) -> Version {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let (modified, changed) = (nanos(meta.mtime(), meta.mtime_nsec()), nanos(meta.ctime(), meta.ctime_nsec()));
    Version([meta.dev().into(), meta.ino().into(), modified, changed])
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

pub(super) fn generic(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "local", source: Box::new(error) }
}
