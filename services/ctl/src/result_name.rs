//! What the name of a result says of its format.
//!
//! Owns that a result never has a name of another format than its own.

use std::path::Path;

use tessera::picture::codec::{ResultFormat, WantedFormat};
use tessera::picture::sniff::Format;

use crate::CtlError;

/// Ends of names that belong to formats which are not written here.
const NOT_WRITTEN: [&str; 32] = [
    "gif", "bmp", "dib", "qoi", "heic", "heif", "avif", "jxl", "jp2", "j2k", "jpx", "ico", "cur", "pdf", "svg", "psd",
    "dng", "nef", "cr2", "cr3", "arw", "raw", "exr", "hdr", "tga", "ppm", "pgm", "pbm", "pnm", "apng", "eps", "xcf",
];
const WRITTEN: &str = ".png, .jpg, .webp or .tif";

/// The format for a result that is written to `path`, when `asked` was asked for.
///
/// `named` is whether the name counts: that of a device or of standard output does not.
///
/// # Errors
/// If the name is that of another format, or of one that is not written.
pub fn wanted_format(path: &Path, named: bool, asked: Option<WantedFormat>) -> Result<WantedFormat, CtlError> {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    let Some(end) = end.filter(|_| named) else {
        return Ok(asked.unwrap_or(if named { WantedFormat::Png } else { WantedFormat::Same }));
    };
    match (WantedFormat::from_extension(&end), asked) {
        (Some(format), None) => Ok(format),
        (Some(_), Some(WantedFormat::Same)) => Ok(WantedFormat::Same),
        (Some(format), Some(asked)) if format == asked => Ok(format),
        (Some(_), Some(asked)) => Err(contradiction(path, asked.as_str())),
        (None, _) if NOT_WRITTEN.contains(&end.as_str()) => Err(CtlError::Usage(format!(
            "{}: results are not written as .{end}: end the name with {WRITTEN}",
            path.display()
        ))),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Err(CtlError::Usage(format!(
            "{}: .{end} names no format: end the name with {WRITTEN}, or say which with --format",
            path.display()
        ))),
    }
}

/// Holds the format that came of `same` against the name.
///
/// # Errors
/// If the name is that of another format.
pub fn check(path: &Path, named: bool, format: ResultFormat) -> Result<(), CtlError> {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let Some(expected) = WantedFormat::from_extension(&end).filter(|_| named) else { return Ok(()) };
    let is_same = WantedFormat::from_extension(format.extension()) == Some(expected);
    if is_same { Ok(()) } else { Err(contradiction(path, format.format().name())) }
}

/// Whether a name ends as that of a picture.
pub fn is_of_a_picture(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    WantedFormat::from_extension(&end).is_some() || NOT_WRITTEN.contains(&end.as_str())
}

/// Holds a result that is fetched, of this media type, against the name that it is to have.
///
/// # Errors
/// If the name is that of another format.
pub fn check_fetched(path: &Path, named: bool, media_type: &str) -> Result<(), CtlError> {
    let Some(format) = Format::ALL.into_iter().find(|format| format.media_type() == media_type) else { return Ok(()) };
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let is_same = WantedFormat::from_extension(&end) == WantedFormat::from_extension(format.extension());
    if !named || is_same || !is_of_a_picture(path) {
        return Ok(());
    }
    let (name, end) = (format.name(), format.extension());
    Err(CtlError::Usage(format!("{}: the result is {name}: end the name with .{end}", path.display())))
}

fn contradiction(path: &Path, format: &str) -> CtlError {
    CtlError::Usage(format!(
        "{}: the result is to be {format} and its name says otherwise: change the name or --format",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, asked: Option<WantedFormat>) -> Result<WantedFormat, CtlError> {
        wanted_format(Path::new(name), true, asked)
    }

    #[test]
    fn the_name_decides_and_may_not_contradict() {
        assert_eq!(of("a.JPG", None).unwrap(), WantedFormat::Jpeg);
        assert_eq!(of("a.tif", Some(WantedFormat::Tiff)).unwrap(), WantedFormat::Tiff);
        assert_eq!(of("a", None).unwrap(), WantedFormat::Png);
        assert_eq!(of("a.part", Some(WantedFormat::Webp)).unwrap(), WantedFormat::Webp);
        for (name, asked) in
            [("a.bmp", None), ("a.bmp", Some(WantedFormat::Png)), ("a.png", Some(WantedFormat::Jpeg)), ("a.xyz", None)]
        {
            assert!(matches!(of(name, asked), Err(CtlError::Usage(_))), "{name} {asked:?}");
        }
        assert_eq!(wanted_format(Path::new("-"), false, None).unwrap(), WantedFormat::Same);
        assert_eq!(wanted_format(Path::new("/dev/x.bmp"), false, None).unwrap(), WantedFormat::Same);
    }

    #[test]
    fn a_result_is_not_fetched_under_the_name_of_another_format() {
        let fetched = |name: &str, named| check_fetched(Path::new(name), named, "image/jpeg");
        for name in ["a.jpg", "a.JPEG", "a", "a.part", "a.final"] {
            assert!(fetched(name, true).is_ok(), "{name}");
        }
        for name in ["a.png", "a.tif", "a.gif", "a.bmp"] {
            assert!(fetched(name, true).unwrap_err().to_string().contains("end the name with .jpg"), "{name}");
            assert!(fetched(name, false).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_became_of_same_is_held_against_the_name() {
        assert!(check(Path::new("a.png"), true, ResultFormat::Png).is_ok());
        assert!(check(Path::new("a.jpg"), true, ResultFormat::Png).is_err());
        assert!(check(Path::new("a.jpg"), false, ResultFormat::Png).is_ok());
        assert!(check(Path::new("a"), true, ResultFormat::Png).is_ok());
    }
}
