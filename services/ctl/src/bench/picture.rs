//! Pictures to measure with, the same ones each time, as files.
//!
//! Made row by row, so that a picture of any size takes little memory.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tessera::picture::codec::ResultFormat;
use tessera::picture::jpeg::JpegSettings;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

use super::scene::Scene;
use crate::CtlError;
use crate::progress::{Progress, percent};

/// A format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Png,
    /// Quality 90, chroma at half the width and height.
    Jpeg,
}

impl Kind {
    /// The end of a file's name, without dot.
    pub fn extension(self) -> &'static str {
        self.format().extension()
    }

    /// The format's name.
    pub fn name(self) -> &'static str {
        self.format().format().name()
    }

    fn format(self) -> ResultFormat {
        match self {
            Self::Png => ResultFormat::Png,
            Self::Jpeg => ResultFormat::Jpeg(JpegSettings::default()),
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(end: &str) -> Result<Self, String> {
        match end {
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            other => Err(format!("pictures are made as .png or .jpg, not .{other}")),
        }
    }
}

/// A picture on disk.
#[derive(Debug)]
pub struct Picture {
    pub path: PathBuf,
    pub side: u32,
    pub bytes: u64,
}

impl Picture {
    /// Megapixels.
    pub fn megapixels(&self) -> f64 {
        f64::from(self.side) * f64::from(self.side) / 1e6
    }

    /// Bits of the file for each pixel.
    #[expect(clippy::cast_precision_loss, reason = "a file has less than 2^53 bytes")]
    pub fn bits_per_pixel(&self) -> f64 {
        self.bytes as f64 * 8.0 / (self.megapixels() * 1e6)
    }
}

/// Makes the square photo-like RGB picture of `side` pixels in `folder`, unless it is there.
///
/// # Errors
/// If the file cannot be written.
pub fn make(folder: &Path, side: u32, kind: Kind) -> Result<Picture, CtlError> {
    let path = folder.join(format!("photo-{side}")).with_extension(kind.extension());
    if !path.exists() {
        write(&path, Size { width: side, height: side }, kind, Scene::photo(side))?;
    }
    let bytes = std::fs::metadata(&path).map_err(CtlError::file("reading the size of", &path))?.len();
    Ok(Picture { path, side, bytes })
}

/// Writes an RGB picture of `scene` to `path`.
///
/// # Errors
/// If the file cannot be written, or its format has no such picture.
pub fn write(path: &Path, size: Size, kind: Kind, mut scene: Scene) -> Result<(), CtlError> {
    let file = File::create(path).map_err(CtlError::file("creating", path))?;
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let info = PictureInfo { size, format };
    let failed = |error| CtlError::Failed(format!("making {}: {error}", path.display()));
    let mut writer = kind.format().writer(BufWriter::new(file), info).map_err(failed)?;
    let mut row = vec![0; info.row_bytes()];
    let mut progress = Progress::new();
    let Size { width, height } = size;
    for y in 0..height {
        scene.row(y, &mut row);
        writer.write_row(&row).map_err(failed)?;
        progress.show(|| format!("making a picture of {width} x {height}: {} %", percent(y.into(), height.into())));
    }
    writer.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_the_same_each_time_and_photo_like() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let made = folders.each_ref().map(|folder| make(folder.path(), 257, Kind::Png).unwrap());
        assert_eq!(std::fs::read(&made[0].path).unwrap(), std::fs::read(&made[1].path).unwrap());
        let bits = made[0].bits_per_pixel();
        assert!((9.0..16.0).contains(&bits), "{bits} bits a pixel");
    }
}
