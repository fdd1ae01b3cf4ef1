//! Where a result is written: a file that appears only when it is complete, or a stream that is written into.
//!
//! Owns that nothing which is not a whole result ever replaces a file, and that a device, a pipe or a link is
//! never replaced by one.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::CtlError;
use crate::source::STANDARD_STREAM;

/// Links that are followed before they count as a circle.
const MOST_LINKS: usize = 40;

/// A place for a result. Dropped unfinished, it leaves no partial file behind.
#[derive(Debug)]
pub struct Target {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A plain file: written beside its place, then put there.
    File { place: PathBuf, partial: Option<PathBuf> },
    /// Standard output, a device or a pipe.
    Stream { path: Option<PathBuf> },
}

impl Target {
    /// Looks at the place that `path` names; writes nothing.
    ///
    /// # Errors
    /// If it is a folder, names no file, lies in a folder that is not there, or is standard output on a terminal.
    pub fn at(path: &Path) -> Result<Self, CtlError> {
        if path.as_os_str() == STANDARD_STREAM {
            if io::stdout().is_terminal() {
                let text = "a picture is not written to a terminal: name a file, or redirect standard output";
                return Err(CtlError::Usage(text.to_owned()));
            }
            return Ok(Self { kind: Kind::Stream { path: None } });
        }
        let facts = fs::metadata(path).ok();
        if facts.as_ref().is_some_and(Metadata::is_dir) || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(CtlError::Usage(format!("{} is a folder, not a file to write to", path.display())));
        }
        if facts.is_some_and(|facts| !facts.is_file()) || is_descriptor(path) {
            return Ok(Self { kind: Kind::Stream { path: Some(path.to_owned()) } });
        }
        let place = behind_links(path)?;
        if place.file_name().is_none() {
            let text = format!("{} does not name a file to write the result to", path.display());
            return Err(CtlError::Usage(text));
        }
        let folder = folder_of(&place);
        if !folder.is_dir() {
            let what = if folder.exists() { "is no folder" } else { "does not exist: make that folder first" };
            return Err(CtlError::Failed(format!("{}: {} {what}", path.display(), folder.display())));
        }
        Ok(Self { kind: Kind::File { place, partial: None } })
    }

    /// Whether it is standard output, a device or a pipe, whose name says nothing of a format.
    pub fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream { .. })
    }

    /// Its name, for people.
    pub fn place(&self) -> &Path {
        match &self.kind {
            Kind::File { place, .. } | Kind::Stream { path: Some(place) } => place,
            Kind::Stream { path: None } => Path::new("standard output"),
        }
    }

    /// Whether it is standard output.
    pub fn is_standard_output(&self) -> bool {
        matches!(self.kind, Kind::Stream { path: None })
    }

    /// The folder for what has to wait on disk: that of the file, or the one for temporary files.
    pub fn folder(&self) -> PathBuf {
        match &self.kind {
            Kind::File { place, .. } => folder_of(place),
            Kind::Stream { .. } => std::env::temp_dir(),
        }
    }

    /// Opens it to be written; for a file that is a hidden one beside its place.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(&mut self) -> Result<File, CtlError> {
        match &mut self.kind {
            Kind::Stream { path: None } => {
                let standard_output = io::stdout().as_fd().try_clone_to_owned().map(File::from);
                standard_output.map_err(CtlError::file("opening", Path::new("standard output")))
            }
            Kind::Stream { path: Some(path) } => {
                OpenOptions::new().write(true).open(&*path).map_err(CtlError::file("opening", path))
            }
            Kind::File { place, partial } => {
                let hidden = hidden_beside(place);
                let file = OpenOptions::new().write(true).create_new(true).open(&hidden);
                let file = file.map_err(CtlError::file("creating", &hidden))?;
                *partial = Some(hidden);
                Ok(file)
            }
        }
    }

    /// Puts a complete file in its place, with the permissions of the one that it replaces.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn finish(mut self) -> Result<(), CtlError> {
        let Kind::File { place, partial } = &mut self.kind else { return Ok(()) };
        let Some(written) = partial.take() else { return Ok(()) };
        if let Ok(replaced) = fs::metadata(&*place) {
            // On a file system without permissions there is nothing to keep.
            let _ = fs::set_permissions(&written, replaced.permissions());
        }
        fs::rename(&written, &*place).map_err(|source| {
            let _ = fs::remove_file(&written);
            CtlError::File { doing: "renaming the result to", path: place.clone(), source }
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Kind::File { partial: Some(partial), .. } = &self.kind {
            // The error that led here is the one to be told.
            let _ = fs::remove_file(partial);
        }
    }
}

/// Whether the path names an open file of this process, such as `/dev/stdout`.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name))
        || ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"].iter().any(|folder| path.starts_with(folder))
}

/// The file that a link, or a chain of them, stands for, whether it exists or not.
fn behind_links(path: &Path) -> Result<PathBuf, CtlError> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(next) => place = folder_of(&place).join(next),
            Err(_) => return Ok(place),
        }
    }
    Err(CtlError::Usage(format!("{} is a link that leads back to itself", path.display())))
}

fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

fn hidden_beside(place: &Path) -> PathBuf {
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(place.file_name().unwrap_or_default());
    hidden.push(format!(".{}.part", std::process::id()));
    place.with_file_name(hidden)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn nothing_is_left_of_an_unfinished_file_and_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.png");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mut target = Target::at(&path).unwrap();
        target.open().unwrap().write_all(b"new").unwrap();
        drop(target);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut target = Target::at(&path).unwrap();
        target.open().unwrap().write_all(b"new").unwrap();
        target.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_and_the_file_behind_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, dangling] = ["file.png", "link.png", "dangling.png"].map(|name| folder.path().join(name));
        fs::write(&file, "old").unwrap();
        symlink("file.png", &link).unwrap();
        symlink("new.png", &dangling).unwrap();
        for path in [&link, &dangling] {
            let mut target = Target::at(path).unwrap();
            target.open().unwrap().write_all(b"new").unwrap();
            target.finish().unwrap();
            assert!(fs::symlink_metadata(path).unwrap().is_symlink());
            assert_eq!(fs::read(path).unwrap(), b"new");
        }
        assert_eq!(fs::read(&file).unwrap(), b"new");
        symlink("circle", folder.path().join("circle")).unwrap();
        assert!(matches!(Target::at(&folder.path().join("circle")), Err(CtlError::Usage(_))));
    }

    #[test]
    fn folders_are_refused_and_devices_are_written_into() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Target::at(folder.path()), Err(CtlError::Usage(_))));
        assert!(matches!(Target::at(&folder.path().join("new/")), Err(CtlError::Usage(_))));
        let missing = Target::at(&folder.path().join("no/such.png")).unwrap_err().to_string();
        assert!(missing.contains("make that folder first"), "{missing}");
        let mut null = Target::at(Path::new("/dev/null")).unwrap();
        assert!(null.is_stream());
        null.open().unwrap().write_all(b"x").unwrap();
        null.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
