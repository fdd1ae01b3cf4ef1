//! The files of slots beside a job's other files: made by the splitter, opened by all, removed with the stage.
//!
//! Owns their names, which are made from parsed ids and numbers only, and that none is made but by [`Store::make_slots`]:
//! a writer who comes after the job's end finds no file, and writes nowhere. Calls block.

use std::fmt;
use std::fs::File;
use std::io;

use super::Store;
use super::local::blocking;
use crate::job::JobId;
use crate::plan::PlanHash;
use crate::slots::{SlotError, SlotFile, SlotOwner};

/// What the slots of a file hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// Tiles on their way to workers: a ring.
    In,
    /// Results: a slot for each tile.
    Out,
}

/// The name of a file of slots: of one stage of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotsOf {
    /// The job.
    pub job: JobId,
    /// Its run: one that is retried begins with new files.
    pub run: u32,
    /// The stage.
    pub stage: u32,
    /// What is in it.
    pub kind: SlotKind,
}

impl fmt::Display for SlotsOf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SlotKind::In => "in",
            SlotKind::Out => "out",
        };
        write!(out, "{}-{}.{kind}", self.run, self.stage)
    }
}

impl SlotsOf {
    /// Run and stage of a file in a job's folder; `None` if it is no file of slots.
    fn parse(name: &str) -> Option<(u32, u32)> {
        let (numbers, kind) = name.split_once('.')?;
        let (run, stage) = numbers.split_once('-')?;
        matches!(kind, "in" | "out").then_some((run.parse().ok()?, stage.parse().ok()?))
    }
}

/// Where the slots of a stage are, for those who open them for one tile.
#[derive(Clone, Debug)]
pub struct SlotPlace {
    store: Store,
    file: SlotsOf,
    owner: SlotOwner,
    largest: usize,
}

impl SlotPlace {
    /// The slots of `file` in `store`, cut by `plan`, of at most `largest` bytes of pixels each.
    pub fn of(store: &Store, file: SlotsOf, plan: PlanHash, largest: usize) -> Self {
        let owner = SlotOwner { job: file.job, stage: file.stage, plan };
        Self { store: store.clone(), file, owner, largest }
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.file.job
    }

    /// Opens them, to be closed before a record names what was written: on network file systems that is when others
    /// see it.
    ///
    /// # Errors
    /// What the system says, in words.
    pub fn open(&self) -> Result<SlotFile, String> {
        let file = self.store.open_slots(self.file).map_err(|error| format!("opening {}: {error}", self.file))?;
        Ok(SlotFile::new(self.owner, self.largest, file))
    }

    /// Reads the pixels of tile `index` in `slot`; opens the file once more if they are not there. Blocks.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn read(&self, (slot, index): (u32, u32), crc32c: u32, pixels: &mut [u8]) -> Result<(), String> {
        let mut read = || match self.open()?.read(slot, index, pixels) {
            Ok(found) if found == crc32c => Ok(()),
            Ok(_) => Err("its slot holds other pixels than its record says".to_owned()),
            Err(SlotError::Spool { source, .. }) => Err(format!("reading its slot: {source}")),
            Err(error @ SlotError::Bad { .. }) => Err(error.to_string()),
        };
        read().or_else(|_| read())
    }
}

impl Store {
    /// Makes a file of slots, or opens the one that is there. Only for the splitter, which holds the job's lease. The
    /// job's folder is not made.
    ///
    /// # Errors
    /// What the system says; a full disk is [`io::ErrorKind::StorageFull`].
    pub fn make_slots(&self, of: SlotsOf) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(false).open(self.slots_path(of))
    }

    /// Opens a file of slots: `out` to read and write, `in` to read.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none.
    pub fn open_slots(&self, of: SlotsOf) -> io::Result<File> {
        File::options().read(true).write(of.kind == SlotKind::Out).open(self.slots_path(of))
    }

    /// Where a file of slots is.
    pub fn slots_path(&self, of: SlotsOf) -> std::path::PathBuf {
        self.root.job(of.job).join(of.to_string())
    }

    /// Removes the files of slots of a job's runs up to `run`, of the last of them those of stages up to `stage`. Whoever
    /// has one open writes on into nothing.
    ///
    /// # Errors
    /// If the folder cannot be read, or a file not removed. That there is none is no error.
    pub async fn remove_slots(&self, job: JobId, run: u32, stage: u32) -> io::Result<()> {
        let folder = self.root.job(job);
        let remove = move || {
            let entries = match std::fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                entries => entries?,
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let over = |(of_run, of_stage)| of_run < run || (of_run == run && of_stage <= stage);
                if name.to_str().and_then(SlotsOf::parse).is_some_and(over) {
                    match std::fs::remove_file(entry.path()) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
            }
            Ok(())
        };
        blocking(remove).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{StoreArgs, Sync};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("file://{}", folder.path().join("store").display());
        let args = StoreArgs { store, scratch_dir: folder.path().join("scratch"), sync: Sync::None };
        let store = Store::open(&args).unwrap();
        (folder, store)
    }

    fn names(store: &Store, job: JobId) -> Vec<String> {
        let entries = std::fs::read_dir(store.root.job(job)).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn only_the_splitter_makes_files_and_only_in_a_job_that_is_there() {
        let (_folder, store) = store();
        let job = JobId::random();
        let of = SlotsOf { job, run: 1, stage: 0, kind: SlotKind::Out };
        assert_eq!(store.make_slots(of).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::create_dir_all(store.root.job(job)).unwrap();
        assert_eq!(store.open_slots(of).unwrap_err().kind(), io::ErrorKind::NotFound);
        store.make_slots(of).unwrap();
        store.make_slots(of).unwrap();
        store.open_slots(of).unwrap();
        assert_eq!(names(&store, job), ["1-0.out"]);
    }

    #[tokio::test]
    async fn the_slots_of_what_is_over_go_and_nothing_else() {
        let (_folder, store) = store();
        let job = JobId::random();
        std::fs::create_dir_all(store.root.job(job)).unwrap();
        for (run, stage) in [(1, 0), (1, 3), (2, 0), (2, 1), (2, 2), (3, 0)] {
            for kind in [SlotKind::In, SlotKind::Out] {
                store.make_slots(SlotsOf { job, run, stage, kind }).unwrap();
            }
        }
        for other in ["original", "job.json", "0123456789abcdef.rows2", "x-1.out", "1-0.outer", "end.json"] {
            std::fs::write(store.root.job(job).join(other), b"").unwrap();
        }
        store.remove_slots(job, 2, 1).await.unwrap();
        let left = names(&store, job);
        let slots: Vec<&String> = left.iter().filter(|name| SlotsOf::parse(name).is_some()).collect();
        assert_eq!(slots, ["2-2.in", "2-2.out", "3-0.in", "3-0.out"]);
        assert_eq!(left.len(), 10, "{left:?}");
        store.remove_slots(JobId::random(), 9, 9).await.unwrap();
    }
}
