//! Typed access to the tags of a directory.

use std::io::{BufRead, Read, Seek};

use super::ifd::{Directory, Entry, Source};
use crate::picture::Turn;
use crate::picture::colorimetry::Colorimetry;
use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::metadata::{MAX_XMP_BYTES, Metadata};
use crate::picture::orientation::Orientation;

/// The tags that are read, by their numbers.
pub(super) mod tag {
    pub(in super::super) const NEW_SUBFILE: u16 = 254;
    pub(in super::super) const SUBFILE: u16 = 255;
    pub(in super::super) const WIDTH: u16 = 256;
    pub(in super::super) const HEIGHT: u16 = 257;
    pub(in super::super) const BITS: u16 = 258;
    pub(in super::super) const COMPRESSION: u16 = 259;
    pub(in super::super) const PHOTOMETRIC: u16 = 262;
    pub(in super::super) const FILL_ORDER: u16 = 266;
    pub(in super::super) const MAKE: u16 = 271;
    pub(in super::super) const STRIP_OFFSETS: u16 = 273;
    pub(in super::super) const ORIENTATION: u16 = 274;
    pub(in super::super) const SAMPLES: u16 = 277;
    pub(in super::super) const ROWS_PER_STRIP: u16 = 278;
    pub(in super::super) const STRIP_BYTES: u16 = 279;
    pub(in super::super) const PLANAR: u16 = 284;
    pub(in super::super) const TRANSFER: u16 = 301;
    pub(in super::super) const PREDICTOR: u16 = 317;
    pub(in super::super) const WHITE_POINT: u16 = 318;
    pub(in super::super) const PRIMARIES: u16 = 319;
    pub(in super::super) const PALETTE: u16 = 320;
    pub(in super::super) const TILE_WIDTH: u16 = 322;
    pub(in super::super) const TILE_HEIGHT: u16 = 323;
    pub(in super::super) const TILE_OFFSETS: u16 = 324;
    pub(in super::super) const TILE_BYTES: u16 = 325;
    pub(in super::super) const SUB_DIRECTORIES: u16 = 330;
    pub(in super::super) const EXTRA_SAMPLES: u16 = 338;
    pub(in super::super) const SAMPLE_FORMAT: u16 = 339;
    pub(in super::super) const DESCRIPTION: u16 = 270;
    pub(in super::super) const ARTIST: u16 = 315;
    pub(in super::super) const XMP: u16 = 700;
    pub(in super::super) const COPYRIGHT: u16 = 33_432;
    pub(in super::super) const EXIF: u16 = 34_665;
    pub(in super::super) const ICC: u16 = 34_675;
    pub(in super::super) const GPS: u16 = 34_853;
    pub(in super::super) const DNG_VERSION: u16 = 50_706;
}

/// A directory with its file.
pub(super) struct Fields<'a, R> {
    pub(super) source: &'a mut Source<R>,
    pub(super) directory: &'a Directory,
}

impl<R: BufRead + Seek> Fields<'_, R> {
    /// The entry of a tag.
    pub(super) fn entry(&self, tag: u16) -> Option<Entry> {
        self.directory.entries.get(&tag).copied()
    }

    /// The first value of a tag.
    pub(super) fn number(&mut self, tag: u16) -> Result<Option<u64>, String> {
        Ok(self.list(tag, 1)?.first().copied())
    }

    /// The values of a tag, `most` of them at most.
    pub(super) fn list(&mut self, tag: u16, most: u64) -> Result<Vec<u64>, String> {
        let Some(entry) = self.entry(tag) else { return Ok(Vec::new()) };
        let mut values = vec![0; entry.count.min(most) as usize];
        self.source.numbers(entry, 0, &mut values)?;
        Ok(values)
    }

    /// A side in pixels.
    pub(super) fn side(&mut self, tag: u16, name: &str) -> Result<u32, String> {
        let number = self.number(tag)?.unwrap_or(0);
        let side = u32::try_from(number).ok().filter(|side| (1..=i32::MAX as u32).contains(side));
        side.ok_or_else(|| format!("a TIFF with {name} {number}"))
    }

    /// The colour profile.
    pub(super) fn profile(&mut self) -> Profile {
        let Some(entry) = self.entry(tag::ICC) else { return Profile::None };
        if entry.count > MAX_ICC_BYTES as u64 {
            return Profile::too_large();
        }
        let icc = self.bytes(entry, MAX_ICC_BYTES);
        if icc.is_empty() { Profile::new(b"damaged".to_vec()) } else { Profile::new(icc) }
    }

    /// What it says of its colours without a profile, none of which is kept.
    pub(super) fn colors(&self) -> Colorimetry {
        let mut colors = Colorimetry::default();
        let said =
            [(tag::TRANSFER, "transfer function"), (tag::WHITE_POINT, "white point"), (tag::PRIMARIES, "primaries")];
        let names: Vec<&str> = said.iter().filter(|(tag, _)| self.entry(*tag).is_some()).map(|said| said.1).collect();
        if !names.is_empty() && self.entry(tag::ICC).is_none() {
            let names = names.join(", ");
            colors.lose(format!("its colour information ({names}) is not kept: its colours may look different"));
        }
        colors
    }

    /// What it says of the way it is to be turned.
    fn orientation(&mut self) -> Orientation {
        const NOT_UNDERSTOOD: &str = "its orientation is not understood: it is not applied";
        let Some(entry) = self.entry(tag::ORIENTATION) else { return Orientation::Unsaid };
        let mut value = [0];
        let is_read = entry.is_single_number() && self.source.numbers(entry, 0, &mut value).is_ok();
        let number = u16::try_from(value[0]).ok().filter(|_| is_read);
        number.and_then(Turn::from_exif).map_or(Orientation::Unclear(NOT_UNDERSTOOD), Orientation::Is)
    }

    /// What else there is: of XMP the bytes, of EXIF and texts, whose parts lie all over the file, that they are there.
    pub(super) fn metadata(&mut self) -> Metadata {
        let mut metadata = Metadata::default();
        metadata.take_orientation(self.orientation());
        if let Some(entry) = self.entry(tag::XMP) {
            let packet = self.bytes(entry, MAX_XMP_BYTES + 1);
            metadata.take_xmp(&packet);
        }
        if [tag::EXIF, tag::GPS].into_iter().any(|tag| self.entry(tag).is_some()) {
            metadata.lose("its EXIF is spread over the TIFF and is not kept");
        }
        if [tag::DESCRIPTION, tag::ARTIST, tag::COPYRIGHT].into_iter().any(|tag| self.entry(tag).is_some()) {
            metadata.lose("the texts of the TIFF are not kept");
        }
        metadata
    }

    /// The bytes of an entry, `most` at most; none if they cannot be read.
    fn bytes(&mut self, entry: Entry, most: usize) -> Vec<u8> {
        let mut first = [0];
        let mut bytes = Vec::new();
        let rest = entry.count.saturating_sub(1).min(most as u64 - 1);
        let found = self.source.numbers(entry, 0, &mut first).is_ok();
        if found && self.source.input.by_ref().take(rest).read_to_end(&mut bytes).is_ok() {
            bytes.insert(0, first[0] as u8);
        }
        bytes
    }
}
