use std::io::Cursor;

use super::*;
use crate::picture::codec::ResultFormat;
use crate::picture::icc::tests::profile;
use crate::picture::metadata::Kept;
use crate::picture::rows::ReadError;
use crate::picture::sniff::Format;
use crate::picture::testing::{info, read, write};
use crate::picture::{Depth, Layout, PictureInfo, Turn};

fn encode(info: PictureInfo, icc: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let samples: Vec<u8> = (0..info.bytes()).map(|at| (at * at / 7 + at) as u8).collect();
    let kept = Kept { icc: icc.map(Into::into), ..Kept::NONE };
    (write(ResultFormat::Webp, info, &kept, &samples), samples)
}

fn decode(file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    read(Format::WebP, file)
}

#[test]
fn what_is_written_comes_back_exactly() {
    for (width, height) in [(1, 1), (1, 70), (70, 1), (37, 29)] {
        for layout in [Layout::Rgb, Layout::Rgba] {
            let (file, samples) = encode(info(width, height, layout), None);
            assert_eq!(decode(&file).unwrap(), (info(width, height, layout), samples));
        }
        let (file, samples) = encode(info(width, height, Layout::Gray), None);
        let (found, bytes) = decode(&file).unwrap();
        assert_eq!(found.format.layout, Layout::Rgb, "webp has no gray");
        assert!(bytes.chunks_exact(3).zip(&samples).all(|(pixel, gray)| pixel == [*gray; 3]));
    }
}

#[test]
fn the_profile_is_written_and_read() {
    let icc = profile(b"RGB ", 301);
    let (file, samples) = encode(info(20, 10, Layout::Rgba), Some(&icc));
    let header = read_header(Cursor::new(&file)).unwrap();
    assert_eq!(header.profile.keep_for(Layout::Rgb), Ok(Some(&icc[..])));
    assert_eq!(decode(&file).unwrap().1, samples);
}

#[test]
fn transparency_that_the_header_does_not_announce_is_used_and_that_is_said() {
    let (mut file, samples) = encode(info(20, 10, Layout::Rgba), Some(&profile(b"RGB ", 301)));
    assert!(read_header(Cursor::new(&file)).unwrap().notices(Layout::Rgba).is_empty());
    file[20] &= !0x10;
    assert_eq!(decode(&file).unwrap(), (info(20, 10, Layout::Rgba), samples));
    let notices = read_header(Cursor::new(&file)).unwrap().notices(Layout::Rgba);
    assert_eq!(notices, ["its header does not announce its transparency, which is used"]);
}

#[test]
fn no_cut_file_is_taken_for_a_whole_one() {
    for icc in [None, Some(profile(b"RGB ", 200))] {
        let (file, _) = encode(info(37, 29, Layout::Rgba), icc.as_deref());
        for at in 0..file.len() - 1 {
            assert!(decode(&file[..at]).is_err(), "cut at {at} of {}", file.len());
        }
    }
}

#[test]
fn parts_that_do_not_agree_are_refused_before_anything_is_decoded() {
    let (mut file, _) = encode(info(20, 10, Layout::Rgba), Some(&profile(b"RGB ", 200)));
    file[24] = 200;
    let error = read_header(Cursor::new(&file)).unwrap_err().to_string();
    assert!(error.contains("do not agree about its size"), "{error}");
    let (file, _) = encode(info(400, 400, Layout::Rgb), None);
    let error = open(Cursor::new(file), 1000).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("max_decode_bytes is 1000"), "{error}");
}

#[test]
fn pictures_that_webp_has_not_are_refused_by_name() {
    let mut deep = info(5, 5, Layout::Gray);
    deep.format.depth = Depth::Sixteen;
    assert!(check(deep, u64::MAX).unwrap_err().contains("16-bit"));
    assert!(check(info(16_384, 5, Layout::Rgb), u64::MAX).unwrap_err().contains("16383"));
    assert!(check(info(16_383, 16_383, Layout::Rgb), 1 << 29).unwrap_err().contains("TIFF"));
    assert!(check(info(16_383, 2, Layout::Rgb), 1 << 29).is_ok());
}

#[test]
fn what_the_header_does_not_announce_is_not_used_and_that_is_said() {
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let xmp = b"<a tiff:Orientation=\"8\"/>".to_vec();
    let icc = profile(b"RGB ", 200);
    let kept = Kept { icc: Some(icc), exif: Some(exif), xmp: Some(xmp), ..Kept::NONE };
    let file = write(ResultFormat::Webp, info(8, 4, Layout::Rgb), &kept, &[9; 96]);
    let header = |without: u8| {
        let mut file = file.clone();
        file[20] &= !without;
        let header = read_header(Cursor::new(&file)).unwrap();
        (header.orientation, header.profile.clone(), header.notices(Layout::Rgb))
    };
    assert_eq!(header(0x04).0, Turn::Rotate90);
    let (turn, _, notices) = header(0x08);
    assert!(turn == Turn::Rotate270 && notices[0].contains("its EXIF, which is not used"), "{notices:?}");
    let (turn, _, notices) = header(0x0c);
    assert!(turn == Turn::None && notices.len() == 2, "{notices:?}");
    let (_, profile, notices) = header(0x20);
    assert!(profile == crate::picture::icc::Profile::None && notices[0].contains("colour profile"), "{notices:?}");
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures").join(name)).unwrap()
}

#[test]
fn transparency_beside_the_picture_counts_only_if_the_header_announces_it() {
    let mut file = fixture("lossy-alpha.webp");
    assert_eq!((&file[12..16], file[20] & 0x10), (&b"VP8X"[..], 0x10));
    let (with, samples) = decode(&file).unwrap();
    file[20] &= !0x10;
    let (without, opaque) = decode(&file).unwrap();
    assert_eq!((with.format.layout, without.format.layout), (Layout::Rgba, Layout::Rgb));
    assert!(samples.chunks(4).map(|pixel| &pixel[..3]).eq(opaque.chunks(3)), "other colours");
    let notices = read_header(Cursor::new(&file)).unwrap().notices(Layout::Rgb);
    assert_eq!(notices, ["its header does not announce its transparency, which is not used"]);
}

/// An animation of one frame, at an even place on a larger canvas.
fn animation(still: &[u8], size: (u32, u32), canvas: (u32, u32), place: (u32, u32), flags: u8) -> Vec<u8> {
    let triple = |number: u32| number.to_le_bytes()[..3].to_vec();
    let picture = &still[12..];
    let chunk = |kind: &[u8; 4], data: Vec<u8>| [&kind[..], &(data.len() as u32).to_le_bytes(), &data].concat();
    let header = [vec![flags | 2, 0, 0, 0], triple(canvas.0 - 1), triple(canvas.1 - 1)].concat();
    let sides = [triple(place.0 / 2), triple(place.1 / 2), triple(size.0 - 1), triple(size.1 - 1)].concat();
    let frame = [sides, vec![100, 0, 0, 0], picture.to_vec()].concat();
    let body = [chunk(b"VP8X", header), chunk(b"ANIM", vec![1, 2, 3, 255, 0, 0]), chunk(b"ANMF", frame)].concat();
    [&b"RIFF"[..], &(body.len() as u32 + 4).to_le_bytes(), b"WEBP", &body].concat()
}

#[test]
fn the_first_frame_of_an_animation_has_the_pixels_that_were_coded() {
    for (layout, flags) in [(Layout::Rgb, 0), (Layout::Rgb, 0x10), (Layout::Rgba, 0x10)] {
        let (still, samples) = encode(info(20, 10, layout), None);
        let canvas = if flags == 0 { Layout::Rgb } else { Layout::Rgba };
        let file = animation(&still, (20, 10), (24, 14), (2, 4), flags);
        let (found, pixels) = decode(&file).unwrap();
        assert_eq!(found, info(24, 14, canvas));
        let (from, to) = (layout.channels(), canvas.channels());
        for (at, pixel) in pixels.chunks(to).enumerate() {
            let (x, y) = (at % 24, at / 24);
            let is_inside = (2..22).contains(&x) && (4..14).contains(&y);
            let expected = is_inside.then(|| &samples[((y - 4) * 20 + x - 2) * from..][..from]);
            let expected = expected.map_or(vec![0; to], |pixel| [pixel, &[255]].concat()[..to].to_vec());
            assert_eq!(pixel, expected, "{x} {y}");
        }
    }
}

#[test]
fn transparency_that_is_announced_and_not_there_is_none() {
    let lossy = fixture("lossy.webp");
    let picture = lossy.windows(4).position(|name| name == b"VP8 ").unwrap();
    let (right, samples) = decode(&lossy).unwrap();
    let sides = [right.size.width - 1, right.size.height - 1].map(u32::to_le_bytes);
    let header = [&b"VP8X\x0a\0\0\0\x10\0\0\0"[..], &sides[0][..3], &sides[1][..3]].concat();
    let body = [&b"WEBP"[..], &header, &lossy[picture..]].concat();
    let file = [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat();
    assert_eq!(decode(&file).unwrap(), (right, samples));
    let notices = read_header(Cursor::new(&file)).unwrap().notices(Layout::Rgb);
    assert_eq!(notices, ["its header announces a transparency that is not there"]);
}

#[test]
fn what_is_announced_and_not_there_is_done_without() {
    let (plain, samples) = encode(info(20, 10, Layout::Rgb), Some(&profile(b"RGB ", 300)));
    let picture = plain.windows(4).position(|name| name == b"VP8L").unwrap();
    let mut file = [&plain[..30], &plain[picture..]].concat();
    let length = u32::try_from(file.len() - 8).unwrap();
    file[4..8].copy_from_slice(&length.to_le_bytes());
    for flags in [0x04, 0x08, 0x0c, 0x20, 0x2c] {
        file[20] = flags;
        assert_eq!(decode(&file).unwrap(), (info(20, 10, Layout::Rgb), samples.clone()), "{flags:x}");
        let notices = read_header(Cursor::new(&file)).unwrap().notices(Layout::Rgb);
        let expected = ["its header announces a colour profile that is not there"];
        assert_eq!(notices, &expected[..usize::from(flags & 0x20 != 0)], "{flags:x}");
    }
}
