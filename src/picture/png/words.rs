//! What is wrong with a PNG, in words for its sender.
//!
//! Owns that no name out of the decoder's own code is shown: it prints its types where it means a chunk.

use std::io::ErrorKind;

use png::DecodingError;

/// How the decoder begins and ends the name of a chunk.
const CHUNK: (&str, &str) = ("ChunkType { type: ", " }");
/// How what the decoder says begins, and how that is said here; the name of the chunk follows where there is one.
const SAYINGS: [(&str, &str); 24] = [
    ("CRC error", "the checksum of a part of it is wrong"),
    ("fcTL chunk missing", "its animation is damaged"),
    ("IDAT or fdAT chunk is missing", "it has no pixels"),
    ("IDAT or fDAT chunk does not have enough data", "its pixels end early"),
    ("Corrupt deflate stream", "its compressed pixels are damaged"),
    ("Missing palette", "its palette is missing"),
    ("Not enough palette entries", "its palette is too short"),
    ("Transparency chunk found for color type", "it has transparency twice"),
    ("Invalid image dimensions", "it has a side of 0 pixels"),
    ("Invalid color/depth combination", "its kind of colours has no samples of so many bits"),
    ("Invalid bit depth", "it has samples of a number of bits that PNG does not have"),
    ("Invalid color type", "it has a kind of colours that PNG does not have"),
    ("The size of the sBIT chunk", "a part of it has a wrong length (sBIT)"),
    ("Invalid sBIT value", "a part of it makes no sense (sBIT)"),
    ("Invalid PNG signature", "it does not begin as a PNG"),
    ("Sub frame is out-of-bounds", "a frame of its animation lies outside of the picture"),
    ("Unknown compression method", "its compression method does not exist in PNG"),
    ("Unknown filter method", "its filter method does not exist in PNG"),
    ("Unknown interlace method", "its interlacing method does not exist in PNG"),
    ("Unexpected restart of", "its pixels are interrupted by something else"),
    ("Chunk length wrong", "a part of it has a wrong length"),
    ("Unrecognized critical chunk", "it has a part that is not known and must not be left out"),
    ("Sequence is not in order", "the frames of its animation are not in order"),
    ("limits are exceeded", "a part of it is larger than can be decoded"),
];

/// The decoder's error in words.
pub(super) fn describe(error: &DecodingError) -> String {
    match error {
        DecodingError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => "the file ends early".to_owned(),
        DecodingError::IoError(cause) => cause.to_string(),
        other => in_words(&other.to_string()),
    }
}

fn in_words(text: &str) -> String {
    let name = text.split_once(CHUNK.0).and_then(|(_, rest)| rest.split(',').next());
    let name = name.filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric()));
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    if let Some((_, words)) = SAYINGS.iter().find(|(theirs, _)| text.starts_with(theirs)) {
        return format!("{words}{name}");
    }
    if text.contains(CHUNK.0) && text.contains(CHUNK.1) {
        return format!("a part of it stands where it must not{name}");
    }
    let plain = text.trim_end_matches('.');
    // What looks like code is not shown; all that is known so far was found above.
    if plain.contains(['{', '}', '_']) { "it is damaged".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_decoders_code_is_shown() {
        let chunk = "ChunkType { type: IDAT, critical: true, private: false, reserved: false, safecopy: false }";
        let crc = format!("CRC error: expected 0xdeadbeef have 0x1 while decoding {chunk} chunk.");
        assert_eq!(in_words(&crc), "the checksum of a part of it is wrong (IDAT)");
        let place = format!("Chunk {chunk} is invalid after IDAT chunk.");
        assert_eq!(in_words(&place), "a part of it stands where it must not (IDAT)");
        assert_eq!(
            in_words("Corrupt deflate stream. BadLiteralLengthHuffmanTree"),
            "its compressed pixels are damaged"
        );
        assert_eq!(in_words("Something { new }"), "it is damaged");
        assert_eq!(in_words("Something else."), "Something else");
    }
}
