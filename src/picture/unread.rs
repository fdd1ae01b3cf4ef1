//! Files that are recognised by their first bytes and not read, by the names that people know.
//!
//! Owns these names only: it looks for no picture in them. Sources: the formats' own specifications.

/// First bytes and what begins with them.
const STARTS: [(&[u8], &str); 51] = [
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"II\xbc", "a JPEG XR picture"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"gimp xcf", "a GIMP file (XCF)"),
    (b"icns", "an icon (ICNS)"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"DDS ", "a texture (DDS)"),
    (b"\xabKTX ", "a texture (KTX)"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"BPG\xfb", "a BPG picture"),
    (b"FLIF", "a FLIF picture"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x59\xa6\x6a\x95", "a Sun raster picture"),
    (b"\x01\xda", "an SGI picture"),
    (b"\x0a\x05\x01", "a PCX picture"),
    (b"\x8aMNG\r\n", "an MNG animation"),
    (b"\x8bJNG\r\n", "a JNG picture"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"IIRO", "a camera's raw file (ORF)"),
    (b"IIRS", "a camera's raw file (ORF)"),
    (b"MMOR", "a camera's raw file (ORF)"),
    (b"IIU\0", "a camera's raw file (RW2)"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file (RAF)"),
    (b"II\x1a\0\0\0HEAPCCDR", "a camera's raw file (CRW)"),
    (b"FOVb", "a camera's raw file (X3F)"),
    (b"\0MRM", "a camera's raw file (MRW)"),
    (b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
    (b"\0\0\x01\xba", "a video (MPEG)"),
    (b"\0\0\x01\xb3", "a video (MPEG)"),
    (b"FLV\x01", "a video (FLV)"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video (Windows Media)"),
    (b"OggS", "a sound or video (Ogg)"),
    (b"ID3", "a sound (MP3)"),
    (b"fLaC", "a sound (FLAC)"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\x1f\x8b", "a file packed with gzip"),
    (b"BZh", "a file packed with bzip2"),
    (b"\xfd7zXZ\0", "a file packed with xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
];

/// Brands of files made of boxes, and what they are.
const BRANDS: [(&[u8; 4], &str); 22] = [
    (b"avif", AVIF),
    (b"avis", AVIF),
    (b"heic", HEIC),
    (b"heix", HEIC),
    (b"heim", HEIC),
    (b"heis", HEIC),
    (b"hevc", HEIC),
    (b"hevx", HEIC),
    (b"hevm", HEIC),
    (b"hevs", HEIC),
    (b"crx ", "a camera's raw file (CR3)"),
    (b"jp2 ", "a JPEG 2000 picture"),
    (b"jpx ", "a JPEG 2000 picture"),
    (b"qt  ", "a video (QuickTime)"),
    (b"isom", VIDEO),
    (b"iso2", VIDEO),
    (b"mp41", VIDEO),
    (b"mp42", VIDEO),
    (b"avc1", VIDEO),
    (b"M4V ", VIDEO),
    (b"M4A ", "a sound (MP4)"),
    // The least that is said of a still picture in boxes: others come before it.
    (b"mif1", HEIC),
];
const AVIF: &str = "an AVIF picture";
const HEIC: &str = "a HEIC picture";
const VIDEO: &str = "a video (MP4)";

/// What a file is that begins with `start`, if it is known and not read.
pub fn unread(start: &[u8]) -> Option<&'static str> {
    let known = || STARTS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name);
    boxes(start).or_else(|| chunks(start)).or_else(known).or_else(|| place(start)).or_else(|| text(start))
}

/// A file of boxes, whose first names its brand and then others that it keeps to.
fn boxes(start: &[u8]) -> Option<&'static str> {
    let (length, rest) = start.split_first_chunk::<4>()?;
    let rest = rest.strip_prefix(b"ftyp")?;
    let length = u32::from_be_bytes(*length) as usize;
    let (brands, _) = rest.get(..length.saturating_sub(8).min(rest.len()))?.as_chunks::<4>();
    // The second is the version of the first.
    let named = |brand: &[u8; 4]| BRANDS.iter().find(|(known, _)| *known == brand).map(|(_, name)| *name);
    let general = |brand: &&[u8; 4]| [*b"mif1", *b"msf1"].contains(brand);
    let (plain, still): (Vec<&[u8; 4]>, Vec<_>) = brands.iter().partition(|brand| !general(brand));
    let found = plain.into_iter().find_map(named).or_else(|| still.into_iter().find_map(named));
    Some(found.unwrap_or(VIDEO))
}

fn chunks(start: &[u8]) -> Option<&'static str> {
    match (start.get(..4)?, start.get(8..12)?) {
        (b"RIFF", b"AVI ") => Some("a video (AVI)"),
        (b"RIFF", b"WAVE") => Some("a sound (WAV)"),
        (b"FORM", _) => Some("an IFF file"),
        _ => None,
    }
}

/// What tells a file somewhere else than at its start.
fn place(start: &[u8]) -> Option<&'static str> {
    let has = |at: usize, mark: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(mark));
    if has(128, b"DICM") {
        return Some("a DICOM picture");
    }
    if start.starts_with(b"\x01\0\0\0") && has(40, b" EMF") {
        return Some("a Windows metafile (EMF)");
    }
    if start.starts_with(b"II*\0") || start.starts_with(b"MM\0*") {
        return None;
    }
    match start {
        // A list of so many pictures; a Targa picture without a palette has a zero there.
        [0, 0, 1, 0, count, _, ..] if *count > 0 => Some("an icon (ICO)"),
        [0, 0, 2, 0, count, _, ..] if *count > 0 => Some("a mouse pointer (CUR)"),
        [_, 0, 2 | 3 | 10 | 11, 0, 0, 0, 0, 0, _, _, _, _, _, _, _, _, 8 | 15 | 16 | 24 | 32, ..] => {
            Some("a Targa picture (TGA)")
        }
        [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n', ..] => Some("a PNM picture (PBM, PGM, PPM or PAM)"),
        [b'P', b'F' | b'f', b'\n', ..] => Some("a PFM picture"),
        _ => None,
    }
}

fn text(start: &[u8]) -> Option<&'static str> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    match start.first()? {
        b'<' if has(b"<svg") || has(b"<!doctype svg") => Some("an SVG drawing"),
        b'<' if has(b"<html") || has(b"<!doctype html") => Some("a web page"),
        b'/' if start.starts_with(b"/* XPM */") => Some("an XPM picture"),
        b'#' if start.starts_with(b"#define") && has(b"_width") => Some("an XBM picture"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_files_are_called_what_they_are() {
        let files: [(&[u8], &str); 22] = [
            (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "AVIF"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0miaf", "HEIC"),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx ", "CR3"),
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "video"),
            (b"\0\0\0\x14ftypzzzz\0\0\0\0zzzz", "video"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
            (b"\xff\x0a\x00", "JPEG XL"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
            (b"\xff\x4f\xff\x51\0", "JPEG 2000"),
            (b"IIRO\x08\0\0\0", "ORF"),
            (b"IIU\0\x08\0\0\0", "RW2"),
            (b"%PDF-1.7", "PDF"),
            (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns=''/>", "SVG"),
            (b"\xef\xbb\xbf  <SVG>", "SVG"),
            (b"\x1a\x45\xdf\xa3\x01", "video"),
            (b"RIFF\0\0\0\0AVI LIST", "video"),
            (b"8BPS\0\x01", "Photoshop"),
            (b"P6\n3 3\n255\n", "PNM"),
            (b"\0\0\x01\0\x01\0\x20\x20\0\0", "ICO"),
            (b"\0\0\x02\0\x03\0\x20\x20\0\0", "CUR"),
            (b"\0\0\x02\0\0\0\0\0\0\0\0\0\x25\0\x17\0\x18\0", "TGA"),
        ];
        for (start, name) in files {
            let found = unread(start).unwrap_or_else(|| panic!("{name} is not known"));
            assert!(found.contains(name), "{found} for {name}");
        }
        for start in [&b""[..], b"some words", b"P", b"<", b"\0\0\0\x08ftyp"] {
            let _ = unread(start);
        }
        assert_eq!(unread(b"some words and no picture"), None);
    }
}
