//! The picture that a command reads: opened once, read as often as the operations need it.
//!
//! Owns that a pipe can be read more than once, by a copy in a temporary file without a name. Knows no format.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use crate::CtlError;

const READ_BUFFER_BYTES: usize = 256 << 10;

/// The name that means standard input or output.
pub const STANDARD_STREAM: &str = "-";

/// A picture's bytes.
#[derive(Debug)]
pub struct Source {
    file: Arc<File>,
    name: String,
    /// Device and number of the file, if it is one.
    identity: Option<(u64, u64)>,
}

impl Source {
    /// Opens the file, or standard input for `-`. What is no plain file is copied aside first.
    ///
    /// # Errors
    /// If it cannot be opened or copied, or is a folder.
    pub fn open(path: &Path) -> Result<Self, CtlError> {
        let is_stream = path.as_os_str() == STANDARD_STREAM;
        let name = if is_stream { "standard input".to_owned() } else { path.display().to_string() };
        let shown = Path::new(&name);
        let opened =
            if is_stream { io::stdin().as_fd().try_clone_to_owned().map(File::from) } else { File::open(path) };
        let mut file = opened.map_err(CtlError::file("opening", shown))?;
        let facts = file.metadata().map_err(CtlError::file("reading", shown))?;
        if facts.is_dir() {
            return Err(CtlError::Usage(format!("{name} is a folder, not a picture")));
        }
        let is_plain = facts.is_file() && file.stream_position().is_ok_and(|position| position == 0);
        let identity = is_plain.then(|| identity(&facts));
        let file = if is_plain { file } else { copy_aside(&mut file).map_err(CtlError::file("reading", shown))? };
        Ok(Self { file: Arc::new(file), name, identity })
    }

    /// How people know it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `other` is this very file, by whatever name.
    pub fn is(&self, other: &Metadata) -> bool {
        self.identity == Some(identity(other))
    }

    /// Reads it from the beginning, beside all other readers.
    pub fn reader(&self) -> BufReader<SourceReader> {
        BufReader::with_capacity(READ_BUFFER_BYTES, SourceReader { file: Arc::clone(&self.file), position: 0 })
    }
}

fn identity(facts: &Metadata) -> (u64, u64) {
    (facts.dev(), facts.ino())
}

fn copy_aside(pipe: &mut File) -> io::Result<File> {
    let mut aside = tempfile::tempfile()?;
    io::copy(pipe, &mut aside)?;
    Ok(aside)
}

/// One reader of a [`Source`], with a place of its own.
#[derive(Debug)]
pub struct SourceReader {
    file: Arc<File>,
    position: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SourceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, by) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => (self.file.metadata()?.len(), by),
        };
        let position = base.checked_add_signed(by);
        self.position =
            position.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seeking before the start"))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_have_places_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in");
        std::fs::write(&path, b"0123456789").unwrap();
        let source = Source::open(&path).unwrap();
        let (mut one, mut other) = (source.reader(), source.reader());
        one.seek(SeekFrom::End(-2)).unwrap();
        let (mut end, mut whole) = (String::new(), String::new());
        one.read_to_string(&mut end).unwrap();
        other.read_to_string(&mut whole).unwrap();
        assert_eq!((end.as_str(), whole.as_str()), ("89", "0123456789"));
        assert!(one.seek(SeekFrom::Current(-11)).is_err());
    }

    #[test]
    fn a_file_is_known_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let [path, hard, soft, copy] = ["in", "hard", "soft", "copy"].map(|name| folder.path().join(name));
        std::fs::write(&path, b"x").unwrap();
        std::fs::hard_link(&path, &hard).unwrap();
        std::os::unix::fs::symlink(&path, &soft).unwrap();
        std::fs::copy(&path, &copy).unwrap();
        let source = Source::open(&soft).unwrap();
        let is_it = |path: &Path| source.is(&std::fs::metadata(path).unwrap());
        assert!(is_it(&path) && is_it(&hard) && is_it(&soft) && !is_it(&copy));
        assert!(matches!(Source::open(folder.path()), Err(CtlError::Usage(_))));
    }
}
