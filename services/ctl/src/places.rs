//! Where the results of several pictures go.
//!
//! Owns that this is known to work before anything is sent, that no two results share a file, and that none
//! replaces a picture.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use tessera::picture::codec::WantedFormat;

use crate::pictures::Picture;
use crate::source::STANDARD_STREAM;
use crate::target::Target;
use crate::{CtlError, result_name};

/// Where results go.
#[derive(Debug)]
pub enum Places {
    /// Nowhere: they stay with the system.
    Nowhere,
    /// The only result, to a file or to standard output.
    File(PathBuf),
    /// Into a folder, each under its picture's name.
    Folder(Folder),
}

/// A folder for results.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    taken: Mutex<HashSet<PathBuf>>,
    /// Devices and numbers of the pictures' files.
    pictures: HashSet<(u64, u64)>,
}

impl Places {
    /// Checks `output`, and gives the format that the results are to have. Makes a folder that is not there.
    ///
    /// # Errors
    /// If it cannot be written to, names another format than `asked`, or would replace a picture.
    pub fn prepare(
        output: Option<&Path>,
        pictures: &[Picture],
        are_files: bool,
        asked: Option<WantedFormat>,
    ) -> Result<(Self, WantedFormat), CtlError> {
        let usual = asked.unwrap_or_default();
        let Some(output) = output else { return Ok((Self::Nowhere, usual)) };
        let is_folder = output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/");
        if are_files && pictures.len() == 1 && !is_folder {
            let target = Target::at(output)?;
            let format = result_name::wanted_format(output, !target.is_stream(), asked)?;
            if !target.is_stream() {
                check_folder(&target.folder())?;
            }
            if fs::metadata(output).is_ok_and(|facts| identities(pictures).contains(&(facts.dev(), facts.ino()))) {
                return Err(CtlError::Usage(format!("{} is the picture itself: name another file", output.display())));
            }
            return Ok((Self::File(output.to_owned()), format));
        }
        if !output.is_dir() {
            check_name_of_folder(output)?;
            fs::create_dir_all(output).map_err(CtlError::file("creating the folder", output))?;
        }
        check_folder(output)?;
        let folder = Folder { path: output.to_owned(), taken: Mutex::default(), pictures: identities(pictures) };
        for picture in pictures {
            folder
                .claim(&picture.name, extension_of(&picture.name, usual))
                .map_err(|error| error.of(picture.label()))?;
        }
        folder.taken.lock().clear();
        Ok((Self::Folder(folder), usual))
    }

    /// The place for the result of `picture`, which came in the format with this end; `None` if it stays.
    ///
    /// # Errors
    /// If another result lies there already, or a picture does.
    pub fn of(&self, picture: &Picture, extension: &str) -> Result<Option<Target>, CtlError> {
        match self {
            Self::Nowhere => Ok(None),
            Self::File(path) => Target::at(path).map(Some),
            Self::Folder(folder) => {
                let place = folder.claim(&picture.name, extension)?;
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent).map_err(CtlError::file("creating the folder", parent))?;
                }
                Target::at(&place).map(Some)
            }
        }
    }
}

impl Folder {
    fn claim(&self, name: &Path, extension: &str) -> Result<PathBuf, CtlError> {
        let place = self.path.join(name.with_extension(extension));
        if fs::metadata(&place).is_ok_and(|facts| self.pictures.contains(&(facts.dev(), facts.ino()))) {
            let text = format!("the result would replace the picture {}: choose another folder", place.display());
            return Err(CtlError::Usage(text));
        }
        if self.taken.lock().insert(place.clone()) {
            return Ok(place);
        }
        Err(CtlError::Usage(format!("another result is written to {}: send this picture by itself", place.display())))
    }
}

/// Whether results are meant to go into a folder of that name, which is not there yet.
fn check_name_of_folder(output: &Path) -> Result<(), CtlError> {
    let refuse = |why: &str| Err(CtlError::Usage(format!("{}: {why}", output.display())));
    if output.as_os_str() == STANDARD_STREAM {
        return refuse("several results do not go to standard output: name a folder");
    }
    // With a slash at its end the name of a file is that of something in it.
    if output.exists() || fs::metadata(output.components().as_path()).is_ok() {
        return refuse("it is a file, and the results need a folder");
    }
    let is_folder = output.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !is_folder && result_name::is_of_a_picture(output) {
        return refuse(
            "several results need a folder, and this is the name of one picture: end it with / if it is to be one",
        );
    }
    Ok(())
}

fn identities(pictures: &[Picture]) -> HashSet<(u64, u64)> {
    let facts = pictures.iter().filter_map(|picture| fs::metadata(&picture.file).ok());
    facts.filter(fs::Metadata::is_file).map(|facts| (facts.dev(), facts.ino())).collect()
}

/// Whether files can be made in a folder.
fn check_folder(folder: &Path) -> Result<(), CtlError> {
    tempfile::tempfile_in(folder).map(drop).map_err(CtlError::file("writing to the folder", folder))
}

/// The end that a result's name will probably have: by the format asked for, else by the picture's own name.
fn extension_of(name: &Path, format: WantedFormat) -> &'static str {
    let end = name.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let named = WantedFormat::from_extension(&end).unwrap_or(WantedFormat::Png);
    match if format == WantedFormat::Same { named } else { format } {
        WantedFormat::Jpeg => "jpg",
        WantedFormat::Webp => "webp",
        WantedFormat::Tiff => "tif",
        WantedFormat::Png | WantedFormat::Same => "png",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(folder: &Path, names: &[&str]) -> Vec<Picture> {
        let picture = |name: &&str| {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "x").unwrap();
            Picture { file, name: PathBuf::from(name) }
        };
        names.iter().map(picture).collect()
    }

    #[test]
    fn one_picture_goes_to_a_file_and_several_to_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let found = pictures(root, &["a.png", "x/b.jpg"]);
        let (place, format) = Places::prepare(Some(&root.join("c.webp")), &found[..1], true, None).unwrap();
        assert!(matches!(place, Places::File(_)) && format == WantedFormat::Webp);
        let (place, format) = Places::prepare(Some(&root.join("new")), &found, true, None).unwrap();
        assert_eq!(format, WantedFormat::Same);
        let target = place.of(&found[1], "png").unwrap().unwrap();
        assert_eq!(target.place(), root.join("new/x/b.png"));
        assert!(place.of(&found[1], "png").is_err(), "a result must not replace another");
        let (place, _) = Places::prepare(Some(&root.join("new/")), &found[..1], true, None).unwrap();
        assert!(matches!(place, Places::Folder(_)));
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let found = pictures(root, &["a.png", "a.gif", "b.png"]);
        let refuse = |output: &Path, found: &[Picture], asked| {
            assert!(Places::prepare(Some(output), found, true, asked).is_err(), "{}", output.display());
        };
        refuse(&root.join("new"), &found[..2], None);
        refuse(root, &found[2..], None);
        refuse(&root.join("b.png"), &found[2..], None);
        refuse(&root.join("no/such/c.png"), &found[2..], None);
        refuse(&root.join("c.bmp"), &found[2..], None);
        refuse(&root.join("c.png"), &found[2..], Some(WantedFormat::Jpeg));
        refuse(&root.join("b.png/sub"), &found, None);
        for (name, why) in [
            ("-", "standard output"),
            ("new.png", "need a folder"),
            ("a.gif/", "it is a file"),
            ("a.gif", "it is a file"),
        ] {
            let output =
                if name == "-" { PathBuf::from(name) } else { PathBuf::from(format!("{}/{name}", root.display())) };
            let error = Places::prepare(Some(&output), &found[1..], true, None).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("os error"), "{error}");
        }
        assert!(!Path::new("-").exists() && !root.join("new.png").exists());
    }
}
