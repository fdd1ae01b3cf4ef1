//! EXIF, XMP and colour profiles that ImageMagick, GraphicsMagick and others write into a PNG as a text of hexadecimal
//! digits.
//!
//! Owns how such a text is read, within the limits of EXIF and XMP; it inflates no more than that needs. A colour profile
//! is not read: other programs do not use it either.

use super::zlib::inflate;
use crate::picture::exif;
use crate::picture::metadata::{MAX_EXIF_BYTES, MAX_XMP_BYTES};

const NAME: &[u8] = b"raw profile type ";
/// How XMP begins in a segment of a JPEG, from which it was taken as it is.
const XMP_NAME: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Two digits a byte, a line break after 36 bytes, and the lines before them.
const MAX_DIGITS: usize = MAX_EXIF_BYTES * 2 + MAX_EXIF_BYTES / 18 + 256;
const EXIF_NOT_READ: &str = "its EXIF, which is written as text, cannot be read: an orientation in it is not applied";
const XMP_NOT_READ: &str = "its XMP, which is written as text, cannot be read: an orientation in it is not applied";

/// What such a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RawProfile {
    /// An EXIF block.
    Exif(Vec<u8>),
    /// An XMP packet.
    Xmp(Vec<u8>),
    /// A colour profile, which is not read.
    Colors,
    /// It cannot be read: a text for the sender.
    Unread(&'static str),
}

/// What a text of such a name is; `None` if it has another name.
pub(super) fn raw_profile(kind: [u8; 4], text: &[u8]) -> Option<RawProfile> {
    let (_, rest) = text.split_at_checked(NAME.len()).filter(|(name, _)| name.eq_ignore_ascii_case(NAME))?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let unread = match &rest[..end].to_ascii_lowercase()[..] {
        b"exif" | b"app1" => EXIF_NOT_READ,
        b"xmp" => XMP_NOT_READ,
        b"icc" | b"icm" => return Some(RawProfile::Colors),
        _ => return None,
    };
    let read = digits(kind, &rest[end + 1..]).and_then(|digits| parse(&digits)).and_then(|block| {
        if let Some(packet) = block.strip_prefix(XMP_NAME) {
            return Some(RawProfile::Xmp(packet.to_owned()));
        }
        match unread {
            XMP_NOT_READ => (block.len() <= MAX_XMP_BYTES).then_some(RawProfile::Xmp(block)),
            _ => (exif::without_name(&block).len() <= MAX_EXIF_BYTES).then_some(RawProfile::Exif(block)),
        }
    });
    Some(read.unwrap_or(RawProfile::Unread(unread)))
}

fn digits(kind: [u8; 4], rest: &[u8]) -> Option<Vec<u8>> {
    match (&kind, rest) {
        (b"tEXt", digits) => Some(digits.to_vec()),
        (b"zTXt", [0, packed @ ..]) => Some(inflate(packed, MAX_DIGITS).0),
        // Flag and method, language, the name in that language.
        (b"iTXt", [0, 0, rest @ ..]) => rest.splitn(3, |byte| *byte == 0).nth(2).map(<[u8]>::to_vec),
        (b"iTXt", [1, 0, rest @ ..]) => rest.splitn(3, |byte| *byte == 0).nth(2).map(|it| inflate(it, MAX_DIGITS).0),
        _ => None,
    }
}

/// A line break, the profile's type (which may be several words), its length, then lines of digits.
fn parse(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.trim_start().split_once('\n')?;
    let mut words = rest.split_ascii_whitespace();
    let length = words.next()?.parse::<usize>().ok()?;
    let digits: Vec<u8> = words.flat_map(str::bytes).collect();
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
    (bytes.len() == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    const BLOCK: &[u8] = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

    fn digits(block: &[u8], length: usize) -> Vec<u8> {
        let lines: Vec<String> =
            block.chunks(36).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        format!("\nexif\n{length:8}\n{}\n", lines.join("\n")).into_bytes()
    }

    #[test]
    fn digits_plain_and_compressed_are_the_block() {
        let plain = digits(BLOCK, BLOCK.len());
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&plain).unwrap();
        let packed = packed.finish().unwrap();
        for name in [&b"Raw profile type exif\0"[..], b"Raw profile type APP1\0", b"raw Profile Type app1\0"] {
            let found = |kind: &[u8; 4], rest: &[&[u8]]| raw_profile(*kind, &[name, &rest.concat()].concat());
            let right = Some(RawProfile::Exif(BLOCK.to_vec()));
            assert_eq!(found(b"tEXt", &[&plain]), right);
            assert_eq!(found(b"zTXt", &[&[0], &packed]), right);
            assert_eq!(found(b"iTXt", &[&[0; 4], &plain]), right);
            assert_eq!(found(b"iTXt", &[&[1, 0, 0, 0], &packed]), right);
        }
    }

    #[test]
    fn xmp_is_read_under_its_own_name_and_under_that_of_the_segment() {
        let packet = b"<x/>".to_vec();
        let in_segment = [XMP_NAME, &packet].concat();
        for (name, block) in [("xmp", &packet), ("APP1", &in_segment), ("xmp", &in_segment)] {
            let text = [format!("Raw profile type {name}\0").as_bytes(), &digits(block, block.len())].concat();
            assert_eq!(raw_profile(*b"tEXt", &text), Some(RawProfile::Xmp(packet.clone())), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_so_and_other_texts_are_none() {
        for text in [digits(BLOCK, 3), b"".to_vec(), b"\nexif\n 1\nxx".to_vec(), b"\nexif\n 1\n012".to_vec()] {
            let named = |name: &[u8]| raw_profile(*b"tEXt", &[b"Raw profile type ", name, b"\0", &text].concat());
            assert_eq!(named(b"exif"), Some(RawProfile::Unread(EXIF_NOT_READ)), "{text:?}");
            assert_eq!(named(b"xmp"), Some(RawProfile::Unread(XMP_NOT_READ)), "{text:?}");
            assert_eq!(named(b"icc"), Some(RawProfile::Colors));
            assert_eq!(named(b"iptc"), None);
        }
        let generic = [b"Raw profile type APP1\0\ngeneric profile\n", &digits(BLOCK, BLOCK.len())[6..]].concat();
        assert_eq!(raw_profile(*b"tEXt", &generic), Some(RawProfile::Exif(BLOCK.to_vec())));
        assert_eq!(raw_profile(*b"tEXt", b"Comment\0Raw profile type exif\0"), None);
    }
}
