//! The chunks of a PNG that the decoder is told to leave alone: profile, colours, EXIF and texts.
//!
//! Owns the walk over chunks, which skips the pixels, and that no chunk about the picture is overlooked because its
//! checksum is wrong, as the decoder would. Inflates profile, XMP and EXIF up to their limits, and nothing else.

use std::io::{self, BufRead, Read, Seek};

use flate2::Crc;

use super::profiles::{RawProfile, raw_profile};
use super::transparency::Transparency;
use super::zlib::inflate;
use crate::picture::colorimetry::Colorimetry;
use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::metadata::{MAX_EXIF_BYTES, MAX_TEXT_BYTES, MAX_XMP_BYTES, Metadata};

/// Chunks that are walked over at most in search of EXIF, which may stand behind the pixels.
const MAX_CHUNKS: usize = 100_000;
const SIGNATURE_BYTES: i64 = 8;
/// The name of the text that is an XMP packet.
pub(super) const XMP_NAME: &[u8] = b"XML:com.adobe.xmp\0";
/// A profile's name and the byte for the method before its data.
const MAX_NAME_BYTES: u64 = 81;
/// Bytes of a chunk that are looked at: a compressed profile is not longer than this and its name.
const MOST_BYTES: usize = MAX_ICC_BYTES + (64 << 10);

/// Chunks about the picture itself, in words, and what is not certain without them. Background, histogram, significant bits
/// and the size of a pixel are not among these: they change no pixel and no colour.
const OF_THE_PICTURE: [(&[u8; 4], &str, &str); 11] = [
    (b"tRNS", "transparency", "its pixels are"),
    (b"gAMA", "gamma", "its colours are"),
    (b"cHRM", "primary colours", "its colours are"),
    (b"sRGB", "colour space", "its colours are"),
    (b"cICP", "colour space", "its colours are"),
    (b"mDCV", "colour range", "its colours are"),
    (b"cLLI", "brightness", "its colours are"),
    (b"iCCP", "colour profile", "its colours are"),
    (b"eXIf", "EXIF", "its orientation is"),
    (b"acTL", "animation", "its pixels are"),
    (b"fcTL", "frame", "its pixels are"),
];

/// What stands beside the pixels.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) profile: Profile,
    pub(super) colors: Colorimetry,
    pub(super) metadata: Metadata,
    has_profile: bool,
    transparency: Transparency,
    raw_exif: Option<Vec<u8>>,
    raw_xmp: Option<Vec<u8>>,
    has_raw_profile: bool,
}

/// How far chunks are walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// To the pixels, before which all that changes them must stand.
    ToPixels,
    /// To the end of the file.
    ToEnd,
}

/// Walks over the chunks; a file that ends early or makes no sense gives what was found before.
///
/// # Errors
/// If a chunk about the picture has a wrong checksum: it names it.
pub(super) fn extras(input: &mut (impl BufRead + Seek), walk: Walk) -> Result<Extras, String> {
    let mut extras = Extras::default();
    let refusal = walk_over(input, walk, &mut extras).unwrap_or_default();
    extras.settle();
    refusal.map_or(Ok(extras), Err)
}

/// Gives why the picture is refused, if it is.
fn walk_over(input: &mut (impl BufRead + Seek), walk: Walk, extras: &mut Extras) -> io::Result<Option<String>> {
    input.seek_relative(SIGNATURE_BYTES)?;
    // One for all chunks: a file of many must not ask for the memory of each.
    let mut data = Vec::new();
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        input.read_exact(&mut head)?;
        let [l0, l1, l2, l3, kind @ ..] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        match &kind {
            b"IEND" => return Ok(None),
            b"IDAT" if walk == Walk::ToPixels => return Ok(None),
            // Checksums of pixels, palette and header are the decoder's business.
            b"IHDR" => {
                read_chunk(input, kind, length, &mut data)?;
                extras.transparency.header(&data);
                continue;
            }
            [b'A'..=b'Z', ..] => {
                extras.transparency.passes(kind, length);
                input.seek_relative(i64::from(length) + 4)?;
                continue;
            }
            _ => {}
        }
        let is_sound = read_chunk(input, kind, length, &mut data)?;
        if is_sound && &kind == b"tRNS" {
            if let Err(why) = extras.transparency.chunk(length) {
                return Ok(Some(format!(
                    "the PNG's transparency (tRNS) {why}, so that its pixels are not certain; save it anew"
                )));
            }
        } else if is_sound {
            extras.take(kind, &data);
        } else if let Some((_, what, open)) = OF_THE_PICTURE.iter().find(|(known, ..)| **known == kind) {
            return Ok(Some(format!(
                "the checksum of the PNG's {what} ({}) is wrong, so that {open} not certain; save it again",
                name(kind)
            )));
        } else {
            let what = name(kind);
            extras.metadata.remark(format!("a part of the PNG ({what}) has a wrong checksum and is not used"));
        }
    }
    extras.metadata.remark(format!("the PNG has more than {MAX_CHUNKS} parts: what stands behind them is not used"));
    Ok(None)
}

/// Puts the start of a chunk's data into `data`; whether the checksum is right.
fn read_chunk(input: &mut impl BufRead, kind: [u8; 4], length: u32, data: &mut Vec<u8>) -> io::Result<bool> {
    data.clear();
    let mut crc = Crc::new();
    crc.update(&kind);
    let mut rest = input.by_ref().take(length.into());
    rest.by_ref().take(MOST_BYTES as u64).read_to_end(data)?;
    crc.update(data);
    loop {
        let more = rest.fill_buf()?;
        if more.is_empty() {
            break;
        }
        crc.update(more);
        let read = more.len();
        rest.consume(read);
    }
    if rest.limit() > 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut expected = [0; 4];
    input.read_exact(&mut expected)?;
    Ok(u32::from_be_bytes(expected) == crc.sum())
}

impl Extras {
    fn take(&mut self, kind: [u8; 4], data: &[u8]) {
        match &kind {
            // A file has one at most; each one costs inflating.
            b"iCCP" if !self.has_profile => {
                self.has_profile = true;
                self.profile = profile(data);
            }
            b"eXIf" => self.metadata.take_exif(first(data, MAX_EXIF_BYTES)),
            b"tEXt" | b"zTXt" | b"iTXt" => self.take_text(kind, data),
            _ if Colorimetry::has(kind) => self.colors.take(kind, data),
            _ => {}
        }
    }

    /// XMP is a text with a name of its own: name, two zeros for plain text, language, its name in that language.
    fn take_text(&mut self, kind: [u8; 4], text: &[u8]) {
        match (text.strip_prefix(XMP_NAME), raw_profile(kind, text)) {
            (Some([compressed, 0, rest @ ..]), _) if &kind == b"iTXt" => {
                let Some(packet) = rest.splitn(3, |byte| *byte == 0).nth(2) else { return };
                if *compressed == 0 {
                    return self.metadata.take_xmp(first(packet, MAX_XMP_BYTES));
                }
                let (packet, _) = inflate(packet, MAX_XMP_BYTES);
                self.metadata.look_at_xmp(&packet);
                self.metadata.lose("its XMP is compressed and is not kept");
            }
            (Some(_), _) => self.metadata.lose("its XMP is compressed and is not kept"),
            (None, Some(RawProfile::Exif(block))) => self.raw_exif = self.raw_exif.take().or(Some(block)),
            (None, Some(RawProfile::Xmp(packet))) => self.raw_xmp = self.raw_xmp.take().or(Some(packet)),
            (None, Some(RawProfile::Colors)) => self.has_raw_profile = true,
            (None, Some(RawProfile::Unread(why))) => {
                self.metadata.remark(why);
                self.metadata.take_text(&[&kind, first(text, MAX_TEXT_BYTES)].concat());
            }
            (None, None) => self.metadata.take_text(&[&kind, first(text, MAX_TEXT_BYTES)].concat()),
        }
    }

    /// What ImageMagick wrote as text counts where there is no other.
    fn settle(&mut self) {
        match self.raw_exif.take() {
            Some(block) if !self.metadata.has_exif() => self.metadata.take_exif(&block),
            Some(_) => self.metadata.lose("its EXIF that is written as text is not kept beside its EXIF"),
            None => {}
        }
        match self.raw_xmp.take() {
            Some(packet) if !self.metadata.has_xmp() => self.metadata.take_xmp(&packet),
            Some(_) => self.metadata.lose("its XMP that is written as text is not kept beside its XMP"),
            None => {}
        }
        if self.has_raw_profile && !self.has_profile {
            let what = "its colour profile, which is written as text, is not used: its colours may look different";
            self.colors.lose(what.to_owned());
        }
    }
}

/// The first bytes, `most` and one more, which tells that there are too many.
fn first(data: &[u8], most: usize) -> &[u8] {
    data.get(..=most).unwrap_or(data)
}

/// Name, a zero, the method, then zlib.
fn profile(data: &[u8]) -> Profile {
    let named = data.iter().take(MAX_NAME_BYTES as usize).position(|byte| *byte == 0);
    let Some([0, rest @ ..]) = named.and_then(|end| data.get(end + 1..)) else {
        return Profile::new(b"damaged".to_vec());
    };
    match inflate(rest, MAX_ICC_BYTES) {
        (bytes, _) if bytes.len() > MAX_ICC_BYTES => Profile::too_large(),
        (_, false) if data.len() >= MOST_BYTES => Profile::too_large(),
        (bytes, true) => Profile::new(bytes),
        (_, false) => Profile::new(b"damaged".to_vec()),
    }
}

fn name(kind: [u8; 4]) -> String {
    kind.into_iter().map(char::from).filter(char::is_ascii_alphanumeric).collect()
}
