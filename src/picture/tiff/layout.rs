//! What a directory says of its picture: sides, samples, and where its strips or tiles are.
//!
//! Owns which kinds are read; the refusals name what is in the way.

use std::io::{BufRead, Seek};

use super::fields::{Fields, tag};
use super::ifd::{Entry, Source};
use super::inflate::Compression;
use super::pages::{self, Page};
use super::samples::{Alpha, Colors, Stored};
use crate::picture::colorimetry::Colorimetry;
use crate::picture::icc::Profile;
use crate::picture::metadata::Metadata;
use crate::picture::{PictureInfo, Size};

/// Columns of a tile that may lie beyond the picture: writers use 256 to 1024.
const MAX_TILE_SIDE: u32 = 1 << 16;

/// A picture in a TIFF.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) info: PictureInfo,
    pub(super) stored: Stored,
    pub(super) compression: Compression,
    pub(super) chunks: Chunks,
    pub(super) profile: Profile,
    pub(super) colors: Colorimetry,
    pub(super) metadata: Metadata,
    /// It is not the first page.
    pub(super) has_other_page: bool,
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
    /// Reads the directory of the picture.
    pub(super) fn read<R: BufRead + Seek>(source: &mut Source<R>) -> Result<Self, String> {
        let Page { directory, number, remark } = pages::choose(source)?;
        let mut fields = Fields { source, directory: &directory };
        let size = Size { width: fields.side(tag::WIDTH, "width")?, height: fields.side(tag::HEIGHT, "height")? };
        if fields.number(tag::PLANAR)?.unwrap_or(1) != 1 && fields.number(tag::SAMPLES)?.unwrap_or(1) > 1 {
            return Err("TIFF with its colours in separate planes is not supported; save it interleaved".to_owned());
        }
        if fields.number(tag::FILL_ORDER)?.unwrap_or(1) != 1 {
            return Err("TIFF with its bits reversed (FillOrder 2) is not supported; save it again".to_owned());
        }
        let compression = Compression::of(fields.number(tag::COMPRESSION)?.unwrap_or(1))?;
        let stored = stored(&mut fields)?;
        let chunks = chunks(&mut fields, size)?;
        let (profile, colors, mut metadata) = (fields.profile(), fields.colors(), fields.metadata());
        remark.into_iter().chain(unsaid_alpha(&mut fields)?).for_each(|remark| metadata.remark(remark));
        Ok(Self {
            info: PictureInfo { size, format: stored.format() },
            stored,
            compression,
            chunks,
            profile,
            colors,
            metadata,
            has_other_page: number > 0,
        })
    }
}

fn stored<R: BufRead + Seek>(fields: &mut Fields<'_, R>) -> Result<Stored, String> {
    let samples = fields.number(tag::SAMPLES)?.unwrap_or(1);
    let bits = bits(fields)?;
    let (colors, own) = match fields.number(tag::PHOTOMETRIC)? {
        Some(0) => (Colors::WhiteIsZero, 1),
        Some(1) => (Colors::Gray, 1),
        Some(2) => (Colors::Rgb, 3),
        Some(3) => (Colors::Palette(palette(fields, bits)?), 1),
        other => return Err(unknown_colors(other)),
    };
    let alpha = match (samples.checked_sub(own), fields.list(tag::EXTRA_SAMPLES, 1)?.first()) {
        (Some(0), _) => Alpha::None,
        (Some(1), Some(1)) => Alpha::Premultiplied,
        (Some(1), _) => Alpha::Straight,
        (Some(more), _) => {
            return Err(format!(
                "TIFF of {samples} samples a pixel, {more} more than its colours, is not supported; save it with colours \
                 and at most alpha"
            ));
        }
        (None, _) => return Err(format!("a TIFF of RGB colours with {samples} samples a pixel, which are too few")),
    };
    let differences = match fields.number(tag::PREDICTOR)?.unwrap_or(1) {
        1 => false,
        2 => true,
        other => return Err(format!("TIFF with predictor {other} is not supported; save it with predictor 1 or 2")),
    };
    Stored::new(bits, colors, alpha, differences, fields.source.big_endian)
}

/// Says of a sample behind the colours that the file leaves it open what it is: some programs take it for alpha,
/// others leave it out.
fn unsaid_alpha<R: BufRead + Seek>(fields: &mut Fields<'_, R>) -> Result<Option<String>, String> {
    let is_unsaid = fields.list(tag::EXTRA_SAMPLES, 1)?.first() == Some(&0);
    let text = "the TIFF does not say what the sample behind its colours is: it is taken for alpha";
    Ok(is_unsaid.then(|| text.to_owned()))
}

/// Bits of a sample, the same for all.
fn bits<R: BufRead + Seek>(fields: &mut Fields<'_, R>) -> Result<u64, String> {
    let bits = fields.list(tag::BITS, 8)?;
    let (bits, are_equal) = (bits.first().copied().unwrap_or(1), bits.iter().all(|other| Some(other) == bits.first()));
    let unsupported =
        |what: &str| Err(format!("TIFF of {what} is not supported; save it with integers of 8 or 16 bits"));
    match fields.list(tag::SAMPLE_FORMAT, 1)?.first() {
        None | Some(1 | 4) => {}
        Some(2) => return unsupported(&format!("signed samples of {bits} bits")),
        Some(3) => return unsupported(&format!("floating point samples of {bits} bits")),
        Some(5 | 6) => return unsupported("complex numbers"),
        Some(other) => return unsupported(&format!("samples of the format {other}")),
    }
    if are_equal { Ok(bits) } else { unsupported("samples that have not all the same number of bits") }
}

fn unknown_colors(photometric: Option<u64>) -> String {
    let name = match photometric {
        None => {
            return "the TIFF does not say what its samples mean (it has no photometric interpretation); save it again"
                .to_owned();
        }
        Some(4) => "that is a mask and no picture",
        Some(5) => "in CMYK colours",
        Some(6) => "in YCbCr colours",
        Some(8..=10) => "in Lab colours",
        Some(32_844 | 32_845) => "in LogLuv colours",
        Some(other) => return format!("TIFF of photometric interpretation {other} is not supported; save it as RGB"),
    };
    format!("TIFF {name} is not supported; save it as RGB")
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
