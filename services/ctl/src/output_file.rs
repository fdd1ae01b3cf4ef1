//! A file that appears under its name only when it is complete.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::CtlError;

/// A file being written beside its final place; dropped unfinished, it is removed.
#[derive(Debug)]
pub struct OutputFile {
    target: PathBuf,
    partial: PathBuf,
    is_done: bool,
}

impl OutputFile {
    /// Creates the hidden file beside `target`, and gives it to be written.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn create(target: &Path) -> Result<(Self, File), CtlError> {
        let name = target.file_name().ok_or_else(|| {
            CtlError::Usage(format!("{} does not name a file to write the result to", target.display()))
        })?;
        if target.is_dir() {
            return Err(CtlError::Usage(format!("{} is a folder, not a file to write to", target.display())));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let partial = target.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&partial);
        let file = file.map_err(CtlError::file("creating", &partial))?;
        Ok((Self { target: target.to_owned(), partial, is_done: false }, file))
    }

    /// The folder that the file is in.
    pub fn folder(&self) -> PathBuf {
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn finish(mut self) -> Result<(), CtlError> {
        fs::rename(&self.partial, &self.target).map_err(CtlError::file("renaming the result to", &self.target))?;
        self.is_done = true;
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.is_done {
            // The error that led here is the one to be told.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn nothing_is_left_of_an_unfinished_file_and_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.png");
        fs::write(&target, "old").unwrap();
        let (output, mut file) = OutputFile::create(&target).unwrap();
        file.write_all(b"new").unwrap();
        drop(output);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        let (output, mut file) = OutputFile::create(&target).unwrap();
        file.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
