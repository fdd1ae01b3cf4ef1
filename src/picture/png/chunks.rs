//! The chunks of a PNG that the decoder is told to leave alone: profile, EXIF and texts.
//!
//! Owns the walk over chunk headers, which skips all data. Checksums are the decoder's business. Inflates a
//! profile up to its limit and nothing else: a compressed text is kept as it is, or not at all.

use std::io::{self, BufRead, Read, Seek};

use flate2::read::ZlibDecoder;

use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::metadata::{MAX_EXIF_BYTES, MAX_TEXT_BYTES, Metadata};
use crate::picture::{Turn, exif};

/// Chunks that are walked over at most in search of EXIF, which may stand behind the pixels.
const MAX_CHUNKS: usize = 100_000;
const SIGNATURE_BYTES: i64 = 8;
/// The name of the text that is an XMP packet.
pub(super) const XMP_NAME: &[u8] = b"XML:com.adobe.xmp\0";
/// A profile's name and the byte for the method before its data.
const MAX_NAME_BYTES: u64 = 81;

/// What stands beside the pixels.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) orientation: Turn,
    pub(super) profile: Profile,
    pub(super) metadata: Metadata,
}

/// Walks over the chunks; a file that ends early or makes no sense gives what was found before.
pub(super) fn extras(input: &mut (impl BufRead + Seek)) -> Extras {
    let mut extras = Extras::default();
    let _ = walk(input, &mut extras);
    extras
}

fn walk(input: &mut (impl BufRead + Seek), extras: &mut Extras) -> io::Result<()> {
    input.seek_relative(SIGNATURE_BYTES)?;
    let mut has_profile = false;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        input.read_exact(&mut head)?;
        let [l0, l1, l2, l3, kind @ ..] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let mut data = input.by_ref().take(length.into());
        match &kind {
            // A file has one at most; each one costs inflating.
            b"iCCP" if !has_profile => {
                has_profile = true;
                extras.profile = profile(&mut data);
            }
            b"eXIf" => {
                let block = start(&mut data, MAX_EXIF_BYTES)?;
                extras.orientation = exif::orientation(&block).unwrap_or_default();
                extras.metadata.take_exif(&block);
            }
            b"tEXt" | b"zTXt" | b"iTXt" => {
                let text = start(&mut data, MAX_TEXT_BYTES)?;
                take_text(&kind, &text, &mut extras.metadata);
            }
            b"IEND" => return Ok(()),
            _ => {}
        }
        let rest = data.limit();
        input.seek_relative(rest as i64 + 4)?;
    }
    Ok(())
}

/// The first bytes, `most` and one more, which tells that there are too many.
fn start(data: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    data.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// XMP is a text with a name of its own: name, two zeros for plain text, language, its name in that language.
fn take_text(kind: &[u8; 4], text: &[u8], metadata: &mut Metadata) {
    match text.strip_prefix(XMP_NAME) {
        Some([0, 0, rest @ ..]) if kind == b"iTXt" => {
            if let Some(packet) = rest.splitn(3, |byte| *byte == 0).nth(2) {
                metadata.take_xmp(packet);
            }
        }
        Some(_) => metadata.lose("its XMP is compressed and is not kept"),
        None => metadata.take_text(&[kind, text].concat()),
    }
}

/// Name, a zero, the method, then zlib.
fn profile(data: &mut impl BufRead) -> Profile {
    let mut name = Vec::new();
    let named = data.by_ref().take(MAX_NAME_BYTES).read_until(0, &mut name);
    let mut method = [0; 1];
    if named.is_err() || data.read_exact(&mut method).is_err() || method != [0] {
        return Profile::new(b"damaged".to_vec());
    }
    let mut bytes = Vec::new();
    match ZlibDecoder::new(data).take(MAX_ICC_BYTES as u64 + 1).read_to_end(&mut bytes) {
        Ok(read) if read > MAX_ICC_BYTES => Profile::too_large(),
        Ok(_) => Profile::new(bytes),
        Err(_) => Profile::new(b"damaged".to_vec()),
    }
}
