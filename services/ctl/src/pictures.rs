//! Which pictures are meant by the files and folders that were named.
//!
//! Owns what of a folder is taken: files that are pictures by their content, at any depth, none that is hidden.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use tessera::picture::sniff::{SNIFF_BYTES, sniff};

use crate::CtlError;

/// A picture to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub file: PathBuf,
    /// Its name below the folder that was named, or the file's own.
    pub name: PathBuf,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order in which they were named; those of a folder by name.
    pub pictures: Vec<Picture>,
    /// Files in folders that are no pictures.
    pub skipped: usize,
    /// What could not be looked at.
    pub refused: Vec<CtlError>,
}

/// Looks for the pictures in `places`.
pub fn find(places: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for place in places {
        match fs::metadata(place) {
            Ok(facts) if facts.is_dir() => {
                if let Err(error) = walk(place, Path::new(""), &mut found) {
                    found.refused.push(error);
                }
            }
            Ok(_) => {
                let name = place.file_name().map_or_else(|| place.clone(), PathBuf::from);
                found.pictures.push(Picture { file: place.clone(), name });
            }
            Err(error) => found.refused.push(CtlError::file("opening", place)(error)),
        }
    }
    found
}

fn walk(folder: &Path, below: &Path, found: &mut Found) -> Result<(), CtlError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(CtlError::file("reading the folder", folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), below.join(entry.file_name()));
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // A link to a folder is not followed: it may lead back here.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, &name, found).unwrap_or_else(|error| found.refused.push(error));
        } else if is_picture(&path) {
            found.pictures.push(Picture { file: path, name });
        } else {
            found.skipped += 1;
        }
    }
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    let mut start = Vec::with_capacity(SNIFF_BYTES);
    let is_file = fs::metadata(path).is_ok_and(|facts| facts.is_file());
    is_file
        && File::open(path).and_then(|file| file.take(SNIFF_BYTES as u64).read_to_end(&mut start)).is_ok()
        && sniff(&start).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIF: &[u8] =
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00";

    #[test]
    fn a_folder_gives_its_pictures_at_any_depth_and_a_missing_file_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/.hidden")).unwrap();
        for (name, content) in [
            ("z.gif", GIF),
            ("b/a.gif", GIF),
            ("b/.hidden/x.gif", GIF),
            (".y.gif", GIF),
            ("b/note.txt", b"text".as_slice()),
        ] {
            fs::write(root.join(name), content).unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("b/circle")).unwrap();
        let found = find(&[root.join("missing.png"), root.to_owned(), root.join("z.gif")]);
        let names: Vec<_> = found.pictures.iter().map(|picture| picture.name.to_str().unwrap()).collect();
        assert_eq!(names, ["b/a.gif", "z.gif", "z.gif"]);
        assert_eq!((found.skipped, found.refused.len()), (2, 1));
    }
}
