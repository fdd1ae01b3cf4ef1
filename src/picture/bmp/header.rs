//! A bitmap's header: sizes, direction, kind of pixels, palette.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom};

use super::colors::{Colors, Mask};
use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::{Depth, PictureInfo, PixelFormat, Size};

const FILE_HEADER_BYTES: u64 = 14;
const CORE_BYTES: usize = 12;
const INFO_BYTES: usize = 40;
const V4_BYTES: usize = 108;
const V5_BYTES: usize = 124;

/// How rows are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As they are.
    Plain,
    /// In runs of 8-bit indices.
    Rle8,
    /// In runs of 4-bit indices.
    Rle4,
}

/// What a bitmap's header says.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    pub(super) size: Size,
    /// The first stored row is the lowest.
    pub(super) from_below: bool,
    pub(super) coding: Coding,
    pub(super) colors: Colors,
    /// Where the pixels begin.
    pub(super) pixels_at: u64,
    header: Vec<u8>,
}

impl Bitmap {
    /// Reads a file from its start.
    pub(super) fn read(input: &mut (impl BufRead + Seek)) -> Result<Self, String> {
        read(input).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => "the bitmap ends within its header".to_owned(),
            _ => error.to_string(),
        })
    }

    /// Size and pixels as the rows come.
    pub(super) fn info(&self) -> PictureInfo {
        let format = PixelFormat { layout: self.colors.layout(), depth: Depth::Eight };
        PictureInfo { size: self.size, format }
    }

    /// Bytes from one stored row to the next: whole groups of four.
    pub(super) fn stride(&self) -> u64 {
        (u64::from(self.size.width) * self.colors.bits()).div_ceil(32) * 4
    }

    /// Whether a header of version 4 or 5 describes the colours by gamma and primaries, which are not all 0, or by a
    /// profile in another file.
    pub(super) fn is_calibrated(&self) -> bool {
        let space = self.header.get(56..60);
        let numbers = self.header.get(60..108).unwrap_or_default();
        self.header.len() >= V4_BYTES
            && (space == Some(b"KNIL") || space == Some(&[0; 4]) && numbers.iter().any(|byte| *byte != 0))
    }

    /// The profile that a version 5 header points at.
    pub(super) fn profile(&self, input: &mut (impl BufRead + Seek)) -> Profile {
        if self.header.len() < V5_BYTES || self.header.get(56..60) != Some(b"DEBM") {
            return Profile::None;
        }
        let [at, length] = [112, 116].map(|at| u64::from(u32_at(&self.header, at)));
        let mut icc = Vec::new();
        let read = input.seek(SeekFrom::Start(FILE_HEADER_BYTES + at));
        let read = read.and_then(|_| input.take(length.min(MAX_ICC_BYTES as u64 + 1)).read_to_end(&mut icc));
        match read {
            Ok(_) if length > MAX_ICC_BYTES as u64 => Profile::too_large(),
            _ => Profile::new(icc),
        }
    }
}

fn read(input: &mut (impl BufRead + Seek)) -> io::Result<Bitmap> {
    let mut file = [0; FILE_HEADER_BYTES as usize + 4];
    input.read_exact(&mut file)?;
    let pixels_at = u64::from(u32_at(&file, 10));
    let length = u32_at(&file, 14) as usize;
    if !file.starts_with(b"BM") || ![CORE_BYTES, INFO_BYTES, 52, 56, 64, V4_BYTES, V5_BYTES].contains(&length) {
        return Err(refusal(format!("a bitmap with a header of {length} bytes is not supported")));
    }
    let mut header = file[14..].to_vec();
    header.resize(length, 0);
    input.read_exact(&mut header[4..])?;
    let kind = Kind::parse(&header)?;
    let colors = colors(input, &header, &kind)?;
    let Kind { size, from_below, coding, .. } = kind;
    Ok(Bitmap { size, from_below, coding, colors, pixels_at, header })
}

/// The numbers of a header, before palette and masks.
struct Kind {
    size: Size,
    from_below: bool,
    coding: Coding,
    has_masks: bool,
    bits: u16,
    palette_colors: u32,
}

impl Kind {
    fn parse(header: &[u8]) -> io::Result<Self> {
        let is_core = header.len() == CORE_BYTES;
        let (width, height, bits) = if is_core {
            (i32::from(u16_at(header, 4)), i32::from(u16_at(header, 6)), u16_at(header, 10))
        } else {
            (u32_at(header, 4) as i32, u32_at(header, 8) as i32, u16_at(header, 14))
        };
        let (compression, palette_colors) = if is_core { (0, 0) } else { (u32_at(header, 16), u32_at(header, 32)) };
        if width <= 0 || height == 0 {
            return Err(refusal(format!("a bitmap of {width}x{height} pixels")));
        }
        let (coding, has_masks) = match (compression, bits) {
            (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) => (Coding::Plain, false),
            (1, 8) => (Coding::Rle8, false),
            (2, 4) => (Coding::Rle4, false),
            (3 | 6, 16 | 32) if header.len() != 64 => (Coding::Plain, true),
            (0..=3 | 6, _) => return Err(refusal(format!("a bitmap of {bits} bit and compression {compression}"))),
            (other, _) => return Err(refusal(format!("a bitmap with compression {other} is not supported"))),
        };
        if height < 0 && coding != Coding::Plain {
            return Err(refusal("a run-length coded bitmap from above, which the format forbids".to_owned()));
        }
        let size = Size { width: width.unsigned_abs(), height: height.unsigned_abs() };
        Ok(Self { size, from_below: height > 0, coding, has_masks, bits, palette_colors })
    }
}

fn colors(input: &mut impl Read, header: &[u8], kind: &Kind) -> io::Result<Colors> {
    match kind.bits {
        bits @ 1..=8 => palette(input, header, kind).map(|palette| Colors::Palette { bits: bits.into(), palette }),
        24 => Ok(Colors::Bytes),
        bits => {
            let masks = match (kind.has_masks, bits) {
                (true, _) => masks(input, header)?,
                (false, 16) => [0x7c00, 0x03e0, 0x001f, 0],
                (false, _) => [0x00ff_0000, 0xff00, 0xff, 0],
            };
            let [red, green, blue, alpha] = masks.map(Mask::new);
            let masks =
                [red.map_err(refusal)?, green.map_err(refusal)?, blue.map_err(refusal)?, alpha.map_err(refusal)?];
            Ok(Colors::Masks { bytes: usize::from(bits) / 8, masks })
        }
    }
}

/// In the header where it is long enough, else behind it.
fn masks(input: &mut impl Read, header: &[u8]) -> io::Result<[u32; 4]> {
    let mut bytes = header.get(INFO_BYTES..).unwrap_or_default().to_vec();
    if bytes.is_empty() {
        bytes.resize(if u32_at(header, 16) == 6 { 16 } else { 12 }, 0);
        input.read_exact(&mut bytes)?;
    }
    bytes.resize(16, 0);
    Ok([0, 4, 8, 12].map(|at| u32_at(&bytes, at)))
}

fn palette(input: &mut impl Read, header: &[u8], kind: &Kind) -> io::Result<Vec<[u8; 3]>> {
    let all = 1 << kind.bits;
    let count = if kind.palette_colors == 0 { all } else { kind.palette_colors.min(all) };
    let mut palette = Vec::new();
    for _ in 0..count {
        let mut color = [0; 4];
        input.read_exact(if header.len() == CORE_BYTES { &mut color[..3] } else { &mut color })?;
        palette.push([color[2], color[1], color[0]]);
    }
    Ok(palette)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn refusal(text: String) -> io::Error {
    io::Error::other(text)
}
