//! What stands beside the pixels: checksums, colours, EXIF and XMP.

use super::*;
use crate::picture::Turn;
use crate::picture::header::Header;

const EXIF: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

/// A gray pixel with chunks before and behind it, of which those in `wrong` have a wrong checksum.
fn file(before: &[(&[u8; 4], &[u8])], behind: &[(&[u8; 4], &[u8])], wrong: &[u8; 4]) -> Vec<u8> {
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    let pixels = b"\x78\x01\x01\x02\0\xfd\xff\0\x07\0\x09\0\x08";
    let mut chunks = vec![(b"IHDR", &header[..])];
    chunks.extend_from_slice(before);
    chunks.push((b"IDAT", pixels));
    chunks.extend_from_slice(behind);
    chunks.push((b"IEND", b""));
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        let sum = crc.sum() ^ u32::from(kind == wrong);
        file.extend([&(data.len() as u32).to_be_bytes()[..], kind, data, &sum.to_be_bytes()].concat());
    }
    file
}

fn said(file: &[u8]) -> Result<(Header, Vec<String>), String> {
    let header = read_header(Cursor::new(file)).map_err(|error| error.to_string())?;
    let notices = header.notices(Layout::Gray);
    Ok((header, notices))
}

#[test]
fn a_chunk_about_the_picture_with_a_wrong_checksum_is_refused_by_name() {
    let data = |kind: &[u8; 4]| match kind {
        b"eXIf" => EXIF.to_vec(),
        b"cHRM" => vec![1; 32],
        b"tRNS" => vec![0, 1],
        b"sRGB" => vec![1],
        _ => vec![0, 0, 0, 9],
    };
    for kind in [b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"iCCP", b"eXIf"] {
        let name = String::from_utf8(kind.to_vec()).unwrap();
        let data = data(kind);
        let error = said(&file(&[(kind, &data)], &[], kind)).unwrap_err();
        assert!(error.contains("checksum") && error.contains(&name), "{error}");
        let opened = open(Cursor::new(file(&[(kind, &data)], &[], kind)), 1 << 20);
        assert!(opened.map(|_| ()).unwrap_err().to_string().contains(&name));
    }
    let behind = file(&[], &[(b"eXIf", EXIF)], b"eXIf");
    assert!(said(&behind).unwrap_err().contains("eXIf"));
}

#[test]
fn a_chunk_that_changes_no_pixel_and_no_colour_may_be_damaged_and_that_is_said() {
    for (kind, data) in
        [(b"sBIT", &[1][..]), (b"bKGD", &[0, 1]), (b"pHYs", &[0, 0, 0, 9, 0, 0, 0, 9, 1]), (b"tIME", &[0; 7])]
    {
        let file = file(&[(kind, data)], &[], kind);
        let (_, notices) = said(&file).unwrap();
        let name = String::from_utf8(kind.to_vec()).unwrap();
        assert_eq!(notices, [format!("a part of the PNG ({name}) has a wrong checksum and is not used")]);
        let mut rows = open(Cursor::new(file), 1 << 20).unwrap();
        let mut row = vec![0; rows.info().row_bytes()];
        rows.read_row(&mut row).and_then(|()| rows.finish()).unwrap();
    }
}

#[test]
fn a_transparency_that_cannot_be_one_is_refused_and_never_left_out() {
    let gray: (&[u8; 4], &[u8]) = (b"tRNS", &[0, 7]);
    assert!(said(&file(&[gray], &[], b"none")).is_ok());
    for (before, behind, says) in [
        (&[(b"tRNS", &[0, 7, 0, 7, 0, 7][..])][..], &[][..], "another length"),
        (&[(b"tRNS", &[7][..])], &[], "another length"),
        (&[gray, gray], &[], "twice"),
        (&[], &[gray], "behind the pixels"),
    ] {
        let error = said(&file(before, behind, b"none")).unwrap_err();
        assert!(error.contains("tRNS") && error.contains(says), "{error}");
    }
}

#[test]
fn a_palette_of_broken_colours_is_refused() {
    for palette in [&[1, 2, 3, 4][..], &[1], &[1, 2]] {
        let mut file = file(&[(b"PLTE", palette)], &[], b"none");
        // The kind of colours in the header, and what that makes of its checksum.
        file[25] = 3;
        let mut crc = flate2::Crc::new();
        crc.update(&file[12..29]);
        file[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(said(&file).unwrap_err().contains("PLTE"), "{palette:?}");
        assert!(open(Cursor::new(file), 1 << 20).is_err());
    }
}

#[test]
fn a_text_with_a_wrong_checksum_is_not_used_and_that_is_said() {
    let file = file(&[(b"tEXt", b"Author\0somebody"), (b"prVt", b"whatever")], &[], b"tEXt");
    let (_, notices) = said(&file).unwrap();
    assert_eq!(notices, ["a part of the PNG (tEXt) has a wrong checksum and is not used"]);
}

#[test]
fn a_wrong_checksum_of_the_pixels_is_told_in_words() {
    let file = file(&[], &[], b"IDAT");
    let mut rows = PngRows::open(Cursor::new(file)).unwrap();
    let mut row = [0];
    let error = rows.read_row(&mut row).and_then(|()| rows.finish()).unwrap_err().to_string();
    assert!(error.contains("the checksum of a part of it is wrong (IDAT)"), "{error}");
    assert!(!error.contains(['{', '}']), "{error}");
}

#[test]
fn exif_counts_wherever_and_however_it_stands() {
    let hex: String = [b"Exif\0\0", EXIF].concat().iter().map(|byte| format!("{byte:02x}")).collect();
    let raw = |name: &str| format!("Raw profile type {name}\0\n{name}\n      {}\n{hex}\n", EXIF.len() + 6).into_bytes();
    for (before, behind) in [(true, false), (false, true)] {
        for (kind, data) in [(b"eXIf", EXIF.to_vec()), (b"tEXt", raw("exif")), (b"tEXt", raw("APP1"))] {
            let chunk = [(kind, &data[..])];
            let none = &chunk[..0];
            let file = file(if before { &chunk } else { none }, if behind { &chunk } else { none }, b"none");
            let (header, notices) = said(&file).unwrap();
            assert_eq!((header.orientation, notices), (Turn::Rotate90, Vec::new()), "{kind:?} {before}");
        }
    }
    let upright = [&EXIF[..19], &[1], &EXIF[20..]].concat();
    let both = file(&[(b"tEXt", &raw("exif")), (b"eXIf", &upright)], &[], b"none");
    assert_eq!(said(&both).unwrap().0.orientation, Turn::None, "EXIF that is EXIF comes first");
    let damaged = file(&[(b"tEXt", b"Raw profile type exif\0\nexif\n 9\nno digits")], &[], b"none");
    assert!(said(&damaged).unwrap().1[0].contains("cannot be read"));
    let (header, notices) = said(&file(&[(b"eXIf", EXIF), (b"eXIf", &upright)], &[], b"none")).unwrap();
    assert!(header.orientation == Turn::Rotate90 && notices[0].contains("more than one EXIF"), "{notices:?}");
}

#[test]
fn xmp_turns_the_picture_where_exif_says_nothing() {
    let text = b"<a tiff:Orientation=\"8\"/>";
    let plain = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], text].concat();
    assert_eq!(said(&file(&[(b"iTXt", &plain)], &[], b"none")).unwrap().0.orientation, Turn::Rotate270);
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text).unwrap();
    let packed = [&b"XML:com.adobe.xmp\0\x01\0\0\0"[..], &packed.finish().unwrap()].concat();
    assert_eq!(said(&file(&[], &[(b"iTXt", &packed)], b"none")).unwrap().0.orientation, Turn::Rotate270);
    let (header, notices) = said(&file(&[(b"iTXt", &plain), (b"eXIf", EXIF)], &[], b"none")).unwrap();
    assert!(header.orientation == Turn::Rotate90 && notices[0].contains("disagree"), "{notices:?}");
    let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
    let raw = format!("Raw profile type xmp\0\nxmp\n {}\n{hex}\n", text.len());
    assert_eq!(said(&file(&[], &[(b"tEXt", raw.as_bytes())], b"none")).unwrap().0.orientation, Turn::Rotate270);
    let upright = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], b"<a tiff:Orientation=\"1\"/>"].concat();
    let both = file(&[(b"tEXt", raw.as_bytes()), (b"iTXt", &upright)], &[], b"none");
    assert_eq!(said(&both).unwrap().0.orientation, Turn::None, "XMP that is XMP comes first");
}

#[test]
fn a_colour_profile_that_is_written_as_text_is_not_dropped_without_a_word() {
    for name in ["icc", "icm", "ICC"] {
        let raw = format!("Raw profile type {name}\0\nicc\n 3\n010203\n");
        let header =
            crate::picture::png::read_header(Cursor::new(file(&[(b"tEXt", raw.as_bytes())], &[], b"none"))).unwrap();
        let (_, notices) = header.colors.keep_for(crate::picture::sniff::Format::Png);
        assert!(notices[0].contains("colour profile, which is written as text"), "{notices:?}");
    }
}
