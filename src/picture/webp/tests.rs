use std::io::Cursor;

use super::*;
use crate::picture::codec::ResultFormat;
use crate::picture::icc::tests::profile;
use crate::picture::metadata::Kept;
use crate::picture::rows::ReadError;
use crate::picture::sniff::Format;
use crate::picture::testing::{info, read, write};
use crate::picture::{Depth, Layout, PictureInfo};

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
