//! What crashes left in a store on this machine's disk, found by its age and removed.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::local::{blocking, generic};
use super::{Store, StoreError, layout};

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Unfinished writes.
    pub files: usize,
    /// Folders of uploads that never became jobs.
    pub folders: usize,
}

impl Store {
    /// Removes what crashes left: unfinished writes, and folders without a manifest, that have not been written
    /// to for `age`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the folder cannot be read.
    pub async fn sweep(&self, age: Duration) -> Result<Swept, StoreError> {
        let root = self.root.clone();
        let swept = blocking(move || sweep(root.folder(), age)).await;
        swept.map_err(|error| StoreError::named("sweeping", "the store".to_owned(), generic(error)))
    }
}

fn sweep(folder: &Path, age: Duration) -> io::Result<Swept> {
    let mut swept = Swept::default();
    let now = clock_of(folder)?;
    for (_, job) in layout::jobs(folder)? {
        sweep_job(&job, now, age, &mut swept);
    }
    Ok(swept)
}

/// Sweeps one job's folder; what cannot be read or removed now is left for the next sweep.
fn sweep_job(folder: &Path, now: SystemTime, age: Duration, swept: &mut Swept) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let (mut is_old, mut has_manifest) = (is_older(folder, now, age), false);
    for path in entries.flatten().map(|entry| entry.path()) {
        has_manifest |= path.file_name().is_some_and(|name| name == "job.json");
        let unfinished = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains('#'));
        let old = is_older(&path, now, age);
        is_old &= old;
        if unfinished && old && std::fs::remove_file(&path).is_ok() {
            swept.files += 1;
        }
    }
    if is_old && !has_manifest && std::fs::remove_dir_all(folder).is_ok() {
        swept.folders += 1;
    }
}

/// The time as the file system has it, which dates the files: this process's clock may be another's, or wrong, and files
/// that are being written must not look old.
///
/// # Errors
/// If the folder takes no file.
pub fn clock_of(folder: &Path) -> io::Result<SystemTime> {
    let probe = folder.join(format!(".clock-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    let now = std::fs::metadata(&probe).and_then(|meta| meta.modified());
    std::fs::remove_file(&probe)?;
    now
}

fn is_older(path: &Path, now: SystemTime, age: Duration) -> bool {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified());
    modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|passed| passed >= age))
}
