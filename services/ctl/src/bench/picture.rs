//! Photo-like pictures, the same ones each time: light, colour, texture, hard edges and sensor noise.
//!
//! Made row by row, so that a picture of any size takes little memory. Nothing here is random.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tessera::picture::codec::ResultFormat;
use tessera::picture::jpeg::JpegSettings;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

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

/// Makes the square RGB picture of `side` pixels in `folder`, unless it is there.
///
/// # Errors
/// If the file cannot be written.
pub fn make(folder: &Path, side: u32, kind: Kind) -> Result<Picture, CtlError> {
    let path = folder.join(format!("photo-{side}")).with_extension(kind.extension());
    if !path.exists() {
        write(&path, side, kind)?;
    }
    let bytes = std::fs::metadata(&path).map_err(CtlError::file("reading the size of", &path))?.len();
    Ok(Picture { path, side, bytes })
}

/// Writes the square RGB picture of `side` pixels to `path`.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, side: u32, kind: Kind) -> Result<(), CtlError> {
    let file = File::create(path).map_err(CtlError::file("creating", path))?;
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width: side, height: side }, format };
    let failed = |error| CtlError::Failed(format!("making {}: {error}", path.display()));
    let mut writer = kind.format().writer(BufWriter::new(file), info).map_err(failed)?;
    let mut scene = Scene::new(side);
    let mut row = vec![0; info.row_bytes()];
    let mut progress = Progress::new();
    for y in 0..side {
        scene.row(y, &mut row);
        writer.write_row(&row).map_err(failed)?;
        progress.show(|| format!("making a picture of {side} x {side}: {} %", percent(y.into(), side.into())));
    }
    writer.finish().map_err(failed)
}

/// Largest sensor noise, of 256 steps; gives PNGs of about 12 bits a pixel.
const NOISE: i32 = 2;

struct Scene {
    light: [Octave; 3],
    texture: [Octave; 2],
    place: Octave,
    edges: Octave,
    tints: [Octave; 3],
}

impl Scene {
    fn new(side: u32) -> Self {
        let octave = |cell, seed| Octave::new(side, cell, seed);
        Self {
            light: [octave(256, 1), octave(64, 2), octave(16, 3)],
            texture: [octave(2, 4), octave(4, 5)],
            place: octave(96, 6),
            edges: octave(48, 7),
            tints: [octave(128, 8), octave(128, 9), octave(128, 10)],
        }
    }

    fn octaves(&mut self) -> impl Iterator<Item = &mut Octave> {
        let Self { light, texture, place, edges, tints } = self;
        light.iter_mut().chain(texture).chain([place, edges]).chain(tints)
    }

    fn row(&mut self, y: u32, row: &mut [u8]) {
        self.octaves().for_each(|octave| octave.go_to(y));
        for (pixel, x) in row.chunks_exact_mut(3).zip(0u32..) {
            let light = (self.light[0].at(x) * 5 + self.light[1].at(x) * 3 + self.light[2].at(x)) / 9;
            let texture = (self.texture[0].at(x) + self.texture[1].at(x)) / 2 - 128;
            let luma = light + texture * (self.place.at(x) - 110).max(0) / 256;
            let edge = if self.edges.at(x) > 150 { 40 } else { 0 };
            let noise = hash(u64::from(x) << 32 | u64::from(y));
            for (channel, sample) in pixel.iter_mut().enumerate() {
                let tint = (self.tints[channel].at(x) - 128) / 3;
                let noise = (noise >> (channel * 16) & 0xffff) as i32 * (2 * NOISE + 1) / 65536 - NOISE;
                *sample = (luma + tint + edge + noise).clamp(0, 255) as u8;
            }
        }
    }
}

/// Smooth noise, 0 to 255: values on a lattice of `cell` pixels, straight lines between them.
struct Octave {
    cell: u32,
    seed: u64,
    /// The lattice's values at the present row.
    values: Vec<i32>,
}

impl Octave {
    fn new(side: u32, cell: u32, seed: u64) -> Self {
        Self { cell, seed, values: vec![0; (side / cell + 2) as usize] }
    }

    fn go_to(&mut self, y: u32) {
        let (above, rest, cell) = (u64::from(y / self.cell), (y % self.cell) as i32, self.cell as i32);
        let lattice = |x: u64, y: u64| (hash(self.seed << 56 ^ x << 28 ^ y) & 255) as i32;
        for (x, value) in self.values.iter_mut().enumerate() {
            let x = x as u64;
            *value = (lattice(x, above) * (cell - rest) + lattice(x, above + 1) * rest) / cell;
        }
    }

    fn at(&self, x: u32) -> i32 {
        let (left, rest, cell) = ((x / self.cell) as usize, (x % self.cell) as i32, self.cell as i32);
        (self.values[left] * (cell - rest) + self.values[left + 1] * rest) / cell
    }
}

/// The finalizer of splitmix64: well mixed bits of a number.
fn hash(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
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
