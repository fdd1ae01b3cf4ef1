//! EXIF that ImageMagick, and GraphicsMagick, write into a PNG as a text of hexadecimal digits.
//!
//! Owns how such a text is read, within the limit of EXIF; it inflates no more than that needs.

use super::zlib::inflate;
use crate::picture::exif;
use crate::picture::metadata::MAX_EXIF_BYTES;

const NAMES: [&[u8]; 2] = [b"Raw profile type exif\0", b"Raw profile type APP1\0"];
/// Two digits a byte, a line break after 36 bytes, and the lines before them.
const MAX_DIGITS: usize = MAX_EXIF_BYTES * 2 + MAX_EXIF_BYTES / 18 + 256;
const NOT_READ: &str = "its EXIF, which is written as text, cannot be read: an orientation in it is not applied";

/// The EXIF block of a text of that name; `None` if it has another name, or another block.
///
/// # Errors
/// If it cannot be read: a text for the sender.
pub(super) fn raw_profile(kind: [u8; 4], text: &[u8]) -> Option<Result<Vec<u8>, &'static str>> {
    let rest = NAMES.iter().find_map(|name| text.strip_prefix(*name))?;
    let digits = match (&kind, rest) {
        (b"tEXt", digits) => digits.to_vec(),
        (b"zTXt", [0, packed @ ..]) => inflate(packed, MAX_DIGITS).0,
        // Not compressed: flag and method, language, the name in that language.
        (b"iTXt", [0, 0, rest @ ..]) => rest.splitn(3, |byte| *byte == 0).nth(2)?.to_vec(),
        _ => return Some(Err(NOT_READ)),
    };
    match parse(&digits) {
        // Under the name of the segment there may be XMP, too.
        Some(block) if block.starts_with(b"http") => None,
        Some(block) if exif::without_name(&block).len() <= MAX_EXIF_BYTES => Some(Ok(block)),
        _ => Some(Err(NOT_READ)),
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
        for name in NAMES {
            assert_eq!(raw_profile(*b"tEXt", &[name, &plain].concat()), Some(Ok(BLOCK.to_vec())));
            assert_eq!(raw_profile(*b"zTXt", &[name, &[0], &packed].concat()), Some(Ok(BLOCK.to_vec())));
            assert_eq!(raw_profile(*b"iTXt", &[name, &[0; 4], &plain].concat()), Some(Ok(BLOCK.to_vec())));
        }
    }

    #[test]
    fn what_cannot_be_read_says_so_and_other_texts_are_none() {
        for text in [digits(BLOCK, 3), b"".to_vec(), b"\nexif\n 1\nxx".to_vec(), b"\nexif\n 1\n012".to_vec()] {
            assert_eq!(raw_profile(*b"tEXt", &[NAMES[0], &text].concat()), Some(Err(NOT_READ)), "{text:?}");
        }
        let generic = [NAMES[1], b"\ngeneric profile\n", &digits(BLOCK, BLOCK.len())[6..]].concat();
        assert_eq!(raw_profile(*b"tEXt", &generic), Some(Ok(BLOCK.to_vec())));
        assert_eq!(raw_profile(*b"tEXt", b"Comment\0Raw profile type exif\0"), None);
        let xmp = digits(b"http://ns.adobe.com/xap/1.0/\0<x/>", 33);
        assert_eq!(raw_profile(*b"tEXt", &[NAMES[1], &xmp].concat()), None);
    }
}
