//! Kinds of JPEG that our writer does not write: inks, several scans, EXIF, profiles.

use mozjpeg::{ColorSpace, Compress, Marker, ScanMode};

use super::*;
use crate::picture::Turn;
use crate::picture::icc::tests::profile;
use crate::picture::rows::RowReader;

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
    // Other readers take inks as Adobe stores them, whether its segment is there or not.
    let plain = without_adobe(&flat(JCS_CMYK, JCS_CMYK, &[255, 128, 0, 200], &[]));
    let (_, bytes) = decode(&plain).unwrap();
    assert!(bytes.iter().zip([200u8, 100, 0].repeat(256)).all(|(found, expected)| found.abs_diff(expected) <= 1));
}

#[test]
fn the_orientation_is_read() {
    for number in 1..=8u8 {
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
        exif[25] = number;
        let file = flat(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, &[1, 2, 3], &[(Marker::APP(1), exif)]);
        assert_eq!(Some(read_info(&file[..]).unwrap().into_header().orientation), Turn::from_exif(number.into()));
    }
}

/// An EXIF segment with an orientation.
fn exif(number: u8) -> (Marker, Vec<u8>) {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    exif[25] = number;
    (Marker::APP(1), exif)
}

#[test]
fn of_several_words_on_the_orientation_the_first_exif_counts_then_xmp() {
    let xmp = |number: u8| {
        let text = format!("<a tiff:Orientation=\"{number}\"/>");
        (Marker::APP(1), [super::super::extras::XMP_NAME, text.as_bytes()].concat())
    };
    let header = |segments: &[(Marker, Vec<u8>)]| {
        let file = flat(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, &[1, 2, 3], segments);
        let header = read_info(&file[..]).unwrap().into_header();
        (header.orientation, header.notices(Layout::Rgb))
    };
    assert_eq!(header(&[xmp(6)]), (Turn::Rotate90, Vec::new()));
    assert_eq!(header(&[exif(3), xmp(3)]), (Turn::Rotate180, Vec::new()));
    let (turn, notices) = header(&[xmp(6), exif(3)]);
    assert!(turn == Turn::Rotate180 && notices[0].contains("disagree"), "{notices:?}");
    let (turn, notices) = header(&[exif(3), exif(6)]);
    assert!(turn == Turn::Rotate180 && notices[0].contains("more than one EXIF"), "{notices:?}");
    let (turn, notices) = header(&[exif(9)]);
    assert!(turn == Turn::None && notices[0].contains("not understood"), "{notices:?}");
}

#[test]
fn exif_goes_on_in_the_next_segment() {
    let (marker, block) = exif(6);
    // The directory stands behind the end of the first segment.
    let mut first = block[..14].to_vec();
    first[10..14].copy_from_slice(&100u32.to_be_bytes());
    first.resize(6 + 90, 0);
    let second = [b"Exif\0\0", &[0; 10][..], &block[14..]].concat();
    let file = flat(ColorSpace::JCS_RGB, ColorSpace::JCS_YCbCr, &[1, 2, 3], &[(marker, first), (marker, second)]);
    assert_eq!(read_info(&file[..]).unwrap().into_header().orientation, Turn::Rotate90);
}

/// A JPEG with a restart after each row of blocks.
pub(super) fn restarting(process: impl Fn(&mut Compress)) -> Vec<u8> {
    let mut compress = Compress::new(ColorSpace::JCS_RGB);
    compress.set_size(70, 60);
    compress.set_fastest_defaults();
    process(&mut compress);
    let mut started = compress.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&(0..70 * 60 * 3u32).map(|at| (at * at / 977) as u8).collect::<Vec<_>>()).unwrap();
    started.finish().unwrap()
}

/// Puts bytes into a file.
pub(super) fn insert(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    [&file[..at], bytes, &file[at..]].concat()
}

/// Where each segment begins, up to the first scan.
pub(super) fn segments(file: &[u8]) -> Vec<usize> {
    let next = |at: &usize| {
        let is_scan = file[at + 1] == 0xDA;
        (!is_scan).then(|| at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])))
    };
    std::iter::successors(Some(2), next).collect()
}

/// The remarks of the header and those of the rows.
pub(super) fn remarks(file: &[u8]) -> Vec<String> {
    let mut remarks = read_info(file).unwrap().into_header().notices(Layout::Rgb);
    let mut rows = JpegRows::open(Cursor::new(file.to_vec()), 1 << 30).unwrap();
    let mut row = vec![0; rows.info().row_bytes()];
    (0..rows.info().size.height).for_each(|_| rows.read_row(&mut row).unwrap());
    rows.finish().unwrap();
    remarks.extend(rows.remarks().iter().cloned());
    remarks
}

#[test]
fn bytes_between_the_headers_are_skipped_and_said() {
    for process in [|_: &mut Compress| (), |compress: &mut Compress| compress.set_progressive_mode()] {
        let file = restarting(process);
        let right = decode(&file).unwrap();
        assert!(remarks(&file).is_empty());
        for at in segments(&file) {
            let short: [&[u8]; 3] = [&[0xff, 0xe5, 0, 0], &[0xff, 0xfe, 0, 1], &[0xff, 0xe2, 0, 0, 7]];
            for junk in [&b"\0"[..], b"any words", &[0xff, 0, 0xff, 0], &[7; 5000]].into_iter().chain(short) {
                let changed = insert(&file, at, junk);
                assert_eq!(decode(&changed).unwrap(), right, "before {at}");
                assert_eq!(remarks(&changed).len(), 1, "before {at}");
            }
        }
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
