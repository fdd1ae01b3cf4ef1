//! Kinds of JPEG that our writer does not write: inks, several scans, EXIF, profiles.

use mozjpeg::{ColorSpace, Compress, Marker, ScanMode};

use super::*;
use crate::picture::Turn;
use crate::picture::icc::tests::profile;

/// A JPEG of one colour, as stored samples of `space`, with segments before its data.
fn flat(space: ColorSpace, stored: ColorSpace, pixel: &[u8], segments: &[(Marker, Vec<u8>)]) -> Vec<u8> {
    let mut compress = Compress::new(space);
    compress.set_size(16, 16);
    compress.set_quality(100.0);
    compress.set_color_space(stored);
    let mut started = compress.start_compress(Vec::new()).unwrap();
    segments.iter().for_each(|(marker, bytes)| started.write_marker(*marker, bytes));
    started.write_scanlines(&pixel.repeat(256)).unwrap();
    started.finish().unwrap()
}

/// Takes Adobe's segment out.
fn without_adobe(file: &[u8]) -> Vec<u8> {
    let at = file.windows(2).position(|pair| pair == [0xFF, 0xEE]).unwrap();
    [&file[..at], &file[at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]))..]].concat()
}

#[test]
fn inks_become_colours() {
    use ColorSpace::{JCS_CMYK, JCS_YCCK};
    for (stored, tolerance) in [(JCS_CMYK, 1), (JCS_YCCK, 2)] {
        // Adobe stores 255 for no ink.
        let file = flat(JCS_CMYK, stored, &[255, 128, 0, 200], &[]);
        let (info, bytes) = decode(&file).unwrap();
        assert_eq!(info.format.layout, Layout::Rgb);
        for (found, expected) in bytes.iter().zip([200u8, 100, 0].repeat(256)) {
            assert!(found.abs_diff(expected) <= tolerance, "{stored:?}: {found} for {expected}");
        }
    }
    let plain = without_adobe(&flat(JCS_CMYK, JCS_CMYK, &[0, 127, 255, 55], &[]));
    let (_, bytes) = decode(&plain).unwrap();
    assert!(bytes.iter().zip([200u8, 100, 0].repeat(256)).all(|(found, expected)| found.abs_diff(expected) <= 1));
}

#[test]
fn the_orientation_is_read() {
    for number in 1..=8u8 {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
        exif[25] = number;
        let file = flat(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, &[1, 2, 3], &[(Marker::APP(1), exif)]);
        assert_eq!(Some(read_info(&file[..]).unwrap().orientation), Turn::from_exif(number.into()));
    }
}

#[test]
fn profiles_of_several_segments_are_written_and_read() {
    for length in [300, 65_000, 65_001, 200_000] {
        let icc = profile(b"RGB ", length);
        let settings = ResultFormat::Jpeg(JpegSettings::default());
        let file = write(settings, info(9, 3, Layout::Rgb), &Kept::profile(icc.clone()), &[7; 81]);
        assert_eq!(read_info(&file[..]).unwrap().profile.keep_for(Layout::Rgb), Ok(Some(&icc[..])));
        decode(&file).unwrap();
    }
    let parts: Vec<_> = (1..=20u8)
        .map(|number| (Marker::APP(2), [b"ICC_PROFILE\0", &[number, 20][..], &vec![0; 65_000]].concat()))
        .collect();
    let file = flat(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, &[1, 2, 3], &parts);
    let why = read_info(&file[..]).unwrap().profile.keep_for(Layout::Rgb).unwrap_err();
    assert!(why.contains("larger than"), "{why}");
}

#[test]
fn pictures_of_many_scans_are_refused() {
    let mut compress = Compress::new(ColorSpace::JCS_RGB);
    compress.set_size(64, 64);
    compress.set_progressive_mode();
    let mut started = compress.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&(0..64 * 64 * 3u32).map(|at| (at * at / 97) as u8).collect::<Vec<_>>()).unwrap();
    let file = started.finish().unwrap();
    decode(&file).unwrap();
    let scan = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let end = file.len() - 2;
    let many = [&file[..end], &file[scan..end].repeat(1000), &file[end..]].concat();
    let error = decode(&many).unwrap_err().to_string();
    assert!(error.contains("more than 100 scans"), "{error}");
}

#[test]
fn scans_of_single_components_hold_the_whole_picture_and_say_so() {
    let mut compress = Compress::new(ColorSpace::JCS_RGB);
    compress.set_size(300, 200);
    compress.set_scan_optimization_mode(ScanMode::ScanPerComponent);
    let mut started = compress.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&[90; 300 * 200 * 3]).unwrap();
    let file = started.finish().unwrap();
    let whole = read_info(&file[..]).unwrap().whole_bytes().unwrap();
    assert!(whole >= 300 * 200 * 3, "{whole}");
    decode(&file).unwrap();
    let error = JpegRows::open(Cursor::new(file), whole - 1).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("max_decode_bytes"), "{error}");
}
