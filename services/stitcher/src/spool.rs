//! The spool: tiles on this machine's disk until their stage is encoded.
//!
//! Owns the folders `SCRATCH/spool/NAME/{job}-{stage}`: their making, their ids, their removal. A
//! folder's id says in Redis which spool the marked tiles are in; it is written before anything is
//! claimed with it. Never decides which folder may go.

mod slots;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tessera::job::{JobId, Token};
use tessera::store::clock_of;

pub use slots::{OpenSlots, Slots};
pub use tessera::slots::{SlotError, SlotOwner};

const ID_FILE: &str = "spool_id";
const SLOTS_FILE: &str = "slots";
/// Folders that are being removed: they count as gone.
const TRASH: &str = ".removed-";

/// The spool of one stitcher.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
}

/// A folder of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolFolder {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: u32,
    /// How long ago it was made.
    pub age: Duration,
}

impl Spool {
    /// Opens the spool of the stitcher `name`, and completes removals that a crash left out.
    ///
    /// # Errors
    /// If its folder cannot be made or read.
    pub fn open(scratch: &Path, name: &str) -> io::Result<Self> {
        let spool = Self { root: scratch.join("spool").join(name) };
        fs::create_dir_all(&spool.root)?;
        for entry in fs::read_dir(&spool.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TRASH) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(spool)
    }

    fn folder(&self, job: JobId, stage: u32) -> PathBuf {
        self.root.join(format!("{job}-{stage}"))
    }

    /// Makes the folder of a stage if it is not there, and gives its id.
    ///
    /// # Errors
    /// If it cannot be made; a full disk is [`io::ErrorKind::StorageFull`].
    pub fn claim(&self, job: JobId, stage: u32) -> io::Result<Token> {
        let folder = self.folder(job, stage);
        let id_file = folder.join(ID_FILE);
        let known = fs::read_to_string(&id_file).ok().and_then(|text| text.trim().parse().ok());
        if let (Some(id), true) = (known, folder.join(SLOTS_FILE).exists()) {
            return Ok(id);
        }
        // Without a readable id it is unknown which tiles a slots file holds: both start over.
        fs::create_dir_all(&folder)?;
        fs::File::create(folder.join(SLOTS_FILE))?;
        let id = Token::random();
        let partial = folder.join(format!("{ID_FILE}.partial"));
        fs::write(&partial, id.as_str())?;
        fs::rename(&partial, &id_file)?;
        Ok(id)
    }

    /// The slots of a stage whose folder was claimed.
    pub fn slots(&self, owner: SlotOwner, largest: usize) -> Slots {
        Slots::in_file(owner, self.folder(owner.job, owner.stage).join(SLOTS_FILE), largest)
    }

    /// The slots of a stage that lie in the store, at `path`.
    pub fn shared(&self, owner: SlotOwner, path: PathBuf, largest: usize) -> Slots {
        Slots::shared(owner, path, largest, self.root.clone())
    }

    /// Removes the folder of a stage. It is gone at once; its files go after it.
    ///
    /// # Errors
    /// If it cannot be moved or removed. A missing one is not an error.
    pub fn remove(&self, job: JobId, stage: u32) -> io::Result<()> {
        let trash = self.root.join(format!("{TRASH}{}", Token::random()));
        match fs::rename(self.folder(job, stage), &trash) {
            Ok(()) => fs::remove_dir_all(trash),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All folders.
    ///
    /// # Errors
    /// If the spool cannot be read.
    pub fn folders(&self) -> io::Result<Vec<SpoolFolder>> {
        let (mut folders, now) = (Vec::new(), clock_of(&self.root)?);
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((job, stage)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
            let (Ok(job), Ok(stage)) = (job.parse(), stage.parse()) else { continue };
            let made = entry.metadata()?.modified()?;
            let age = now.duration_since(made).unwrap_or_default();
            folders.push(SpoolFolder { job, stage, age });
        }
        Ok(folders)
    }

    /// Whether the spool takes new files.
    ///
    /// # Errors
    /// What the system says against it.
    pub fn check(&self) -> io::Result<()> {
        let probe = self.root.join(".probe");
        fs::write(&probe, b"probe")?;
        fs::remove_file(probe)
    }
}

#[cfg(test)]
mod tests;
