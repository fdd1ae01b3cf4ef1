//! Where a job's objects lie below the store's folder: `xx/{job}/NAME`, `xx` being the last two digits of the job's id.
//!
//! Owns that no folder grows with the number of jobs, and that what is made is its owner's alone. Jobs of earlier
//! versions, which lie directly in the store's folder, stay there until they are deleted.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Object;
use crate::job::JobId;

/// For their owner alone, as they hold other people's pictures.
const FOLDER_MODE: u32 = 0o700;
const NOT_FOR_OTHERS: u32 = 0o077;

/// From now on, all that this process makes is for its owner alone: files of the store, of spools and beside.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(NOT_FOR_OTHERS));
}

/// Makes a folder that is not there, and those above it.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// A job's folder, from the store's.
pub(super) fn name_of(root: &Path, job: JobId) -> String {
    let name = job.to_string();
    if root.join(&name).is_dir() { name } else { format!("{}/{name}", shard_of(&name)) }
}

/// An object's file, from the store's folder.
pub(super) fn name_of_object(root: &Path, object: &Object) -> String {
    let name = object.to_string();
    let (_, file) = name.split_once('/').unwrap_or_default();
    format!("{}/{file}", name_of(root, object.job()))
}

/// Ids begin with their time, so that only their ends are spread evenly.
fn shard_of(name: &str) -> &str {
    name.get(name.len().saturating_sub(2)..).unwrap_or(name)
}

/// Makes a job's folder. The store's own is never made here: one that is not there is not mounted.
pub(super) fn make_job(root: &Path, job: JobId) -> io::Result<()> {
    let folder = root.join(name_of(root, job));
    let shard = folder.parent().filter(|shard| *shard != root);
    for folder in shard.into_iter().chain([folder.as_path()]) {
        match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The folders of all jobs, in no order.
pub(super) fn jobs(root: &Path) -> io::Result<Vec<(JobId, PathBuf)>> {
    let mut found = Vec::new();
    for (name, path) in folders(root)? {
        if let Ok(job) = name.parse() {
            found.push((job, path));
        } else if name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let inside = folders(&path)?.into_iter().filter(|(job, _)| shard_of(job) == name);
            found.extend(inside.filter_map(|(job, path)| Some((job.parse().ok()?, path))));
        }
    }
    Ok(found)
}

fn folders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if let (Ok(name), true) = (entry.file_name().into_string(), entry.file_type()?.is_dir()) {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}
