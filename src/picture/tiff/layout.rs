//! What a directory says of its picture: sides, samples, and where its strips or tiles are.
//!
//! Owns which kinds are read; the refusals name what is in the way.

use std::io::{BufRead, Seek};

use super::fields::{Fields, tag};
use super::ifd::{Entry, Source};
use super::inflate::Compression;
use super::samples::{Alpha, Colors, Stored};
use crate::picture::icc::Profile;
use crate::picture::metadata::Metadata;
use crate::picture::{PictureInfo, Size, Turn};

/// Columns of a tile that may lie beyond the picture: writers use 256 to 1024.
const MAX_TILE_SIDE: u32 = 1 << 16;

/// A picture in a TIFF.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) info: PictureInfo,
    pub(super) stored: Stored,
    pub(super) compression: Compression,
    pub(super) chunks: Chunks,
    pub(super) orientation: Turn,
    pub(super) profile: Profile,
    pub(super) metadata: Metadata,
}

/// How the picture is cut in the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunks {
    /// In strips of rows; without a table of lengths each ends where its data does.
    Strips { rows: u32, offsets: Entry, lengths: Option<Entry> },
    /// In tiles, row by row.
    Tiles { width: u32, height: u32, offsets: Entry, lengths: Entry },
}

impl Layout {
    /// Reads the first directory.
    pub(super) fn read<R: BufRead + Seek>(source: &mut Source<R>) -> Result<Self, String> {
        let directory = source.directory()?;
        let mut fields = Fields { source, directory: &directory };
        let size = Size { width: fields.side(tag::WIDTH, "width")?, height: fields.side(tag::HEIGHT, "height")? };
        if fields.number(tag::PLANAR)?.unwrap_or(1) != 1 && fields.number(tag::SAMPLES)?.unwrap_or(1) > 1 {
            return Err("TIFF with its colours in separate planes is not supported; save it interleaved".to_owned());
        }
        if fields.number(tag::FILL_ORDER)?.unwrap_or(1) != 1 {
            return Err("TIFF with its bits reversed (FillOrder 2) is not supported; save it anew".to_owned());
        }
        let compression = Compression::of(fields.number(tag::COMPRESSION)?.unwrap_or(1))?;
        let stored = stored(&mut fields)?;
        let chunks = chunks(&mut fields, size)?;
        let orientation =
            fields.number(tag::ORIENTATION)?.and_then(|number| Turn::from_exif(number as u16)).unwrap_or_default();
        let (profile, metadata) = (fields.profile(), fields.metadata());
        Ok(Self {
            info: PictureInfo { size, format: stored.format() },
            stored,
            compression,
            chunks,
            orientation,
            profile,
            metadata,
        })
    }
}

fn stored<R: BufRead + Seek>(fields: &mut Fields<'_, R>) -> Result<Stored, String> {
    let unsupported = |what: String| Err(format!("TIFF {what} is not supported; save it with 8 or 16 bit integers"));
    let samples = fields.number(tag::SAMPLES)?.unwrap_or(1);
    match fields.list(tag::SAMPLE_FORMAT, 1)?.first() {
        None | Some(1 | 4) => {}
        Some(2) => return unsupported("of signed samples".to_owned()),
        Some(3) => return unsupported("of floating point samples".to_owned()),
        Some(other) => return unsupported(format!("of sample format {other}")),
    }
    let bits = fields.list(tag::BITS, 8)?;
    let bits = match bits.first() {
        None => 1,
        Some(first) if bits.iter().all(|other| other == first) => *first,
        Some(_) => return unsupported(format!("of {bits:?} bits a sample")),
    };
    let (colors, own) = match fields.number(tag::PHOTOMETRIC)? {
        Some(0) => (Colors::WhiteIsZero, 1),
        Some(1) => (Colors::Gray, 1),
        Some(2) => (Colors::Rgb, 3),
        Some(3) => (Colors::Palette(palette(fields, bits)?), 1),
        Some(5) => return Err("TIFF in CMYK colours is not supported; save it as RGB".to_owned()),
        Some(6) => return Err("TIFF in YCbCr colours is not supported; save it as RGB".to_owned()),
        Some(8..=10) => return Err("TIFF in Lab colours is not supported; save it as RGB".to_owned()),
        other => return Err(format!("TIFF of photometric interpretation {} is not supported", other.unwrap_or(0))),
    };
    let alpha = match (samples.checked_sub(own), fields.list(tag::EXTRA_SAMPLES, 1)?.first()) {
        (Some(0), _) => Alpha::None,
        (Some(1), Some(1)) => Alpha::Premultiplied,
        (Some(1), _) => Alpha::Straight,
        _ => return unsupported(format!("of {samples} samples a pixel")),
    };
    let differences = match fields.number(tag::PREDICTOR)?.unwrap_or(1) {
        1 => false,
        2 => true,
        other => return unsupported(format!("with predictor {other}")),
    };
    Stored::new(bits, colors, alpha, differences, fields.source.big_endian)
}

/// Red, green and blue of each index; 16 bit in the file, of which the high byte counts.
fn palette<R: BufRead + Seek>(fields: &mut Fields<'_, R>, bits: u64) -> Result<Vec<[u8; 3]>, String> {
    if bits > 8 {
        return Err(format!("TIFF with a palette and {bits} bit is not supported; save it as RGB"));
    }
    let colors = 1usize << bits;
    let values = fields.list(tag::PALETTE, 3 * colors as u64)?;
    if values.len() < 3 * colors {
        return Err("a TIFF with a palette that is too short".to_owned());
    }
    // Some writers put 8 bit there, where 16 belong.
    let shift = if values.iter().all(|value| *value < 256) { 0 } else { 8 };
    let part = |channel: usize, index: usize| (values[channel * colors + index] >> shift) as u8;
    Ok((0..colors).map(|index| [part(0, index), part(1, index), part(2, index)]).collect())
}

fn chunks<R: BufRead + Seek>(fields: &mut Fields<'_, R>, size: Size) -> Result<Chunks, String> {
    let too_few = |entry: Entry, needed: u64| {
        if entry.count < needed { Err("a TIFF with too few strips or tiles".to_owned()) } else { Ok(()) }
    };
    if let (Some(offsets), Some(lengths)) = (fields.entry(tag::TILE_OFFSETS), fields.entry(tag::TILE_BYTES)) {
        let width = fields.side(tag::TILE_WIDTH, "tiles of width")?;
        let height = fields.side(tag::TILE_HEIGHT, "tiles of height")?;
        if width > size.width.max(MAX_TILE_SIDE) {
            return Err(format!("a TIFF with tiles of width {width} in a picture of width {}", size.width));
        }
        let tiles = u64::from(size.width.div_ceil(width)) * u64::from(size.height.div_ceil(height));
        too_few(offsets, tiles)?;
        too_few(lengths, tiles)?;
        return Ok(Chunks::Tiles { width, height, offsets, lengths });
    }
    let Some(offsets) = fields.entry(tag::STRIP_OFFSETS) else {
        return Err("a TIFF without strips or tiles".to_owned());
    };
    let rows = fields.number(tag::ROWS_PER_STRIP)?.unwrap_or(u64::MAX).min(u64::from(size.height)) as u32;
    if rows == 0 {
        return Err("a TIFF with strips of 0 rows".to_owned());
    }
    let strips = u64::from(size.height.div_ceil(rows));
    let lengths = fields.entry(tag::STRIP_BYTES);
    too_few(offsets, strips)?;
    lengths.map_or(Ok(()), |lengths| too_few(lengths, strips))?;
    Ok(Chunks::Strips { rows, offsets, lengths })
}
