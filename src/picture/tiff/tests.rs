mod handmade;
mod pages;

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::*;
use crate::picture::codec::ResultFormat;
use crate::picture::icc::tests::profile;
use crate::picture::metadata::Kept;
use crate::picture::sniff::Format;
use crate::picture::testing::{Paper, read, write};
use crate::picture::{Depth, Layout as Channels, PictureInfo, PixelFormat, Size, Turn};
use handmade::{basic, handmade, strips, with};

const SHORT: u16 = 3;
const LONG: u16 = 4;

fn info(width: u32, height: u32, layout: Channels, depth: Depth) -> PictureInfo {
    PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth } }
}

fn encode(info: PictureInfo, icc: Option<&[u8]>, samples: &[u8]) -> Vec<u8> {
    write(ResultFormat::Tiff, info, &Kept { icc: icc.map(Into::into), ..Kept::NONE }, samples)
}

fn decode(file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    read(Format::Tiff, file)
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_written_comes_back_exactly(
        width in 1u32..600, height in 1u32..500, channels in 1usize..=4, deep: bool, icc in 0usize..3, seed: u64,
    ) {
        let depth = if deep { Depth::Sixteen } else { Depth::Eight };
        let info = info(width, height, Channels::from_channels(channels).unwrap(), depth);
        let samples: Vec<u8> = (0..info.bytes()).map(|at| (at.wrapping_mul(seed | 1) >> 17) as u8).collect();
        let icc = [None, Some(profile(b"RGB ", 131)), Some(profile(b"GRAY", 900))][icc].clone();
        let file = encode(info, icc.as_deref(), &samples);
        let header = read_header(Cursor::new(&file)).unwrap();
        prop_assert_eq!((header.info, header.frames, header.whole_bytes), (info, 1, None));
        prop_assert_eq!(header.profile, icc.map_or(crate::picture::icc::Profile::None, crate::picture::icc::Profile::new));
        prop_assert_eq!(decode(&file).unwrap(), (info, samples));
    }
}

#[test]
fn byte_orders_depths_and_predictors() {
    let rows16: &[u8] = &[1, 2, 0, 3, 255, 255, 0, 2];
    for big_endian in [false, true] {
        let rows: Vec<u8> =
            rows16.chunks(2).flat_map(|b| if big_endian { [b[0], b[1]] } else { [b[1], b[0]] }).collect();
        let plain = strips(big_endian, &with(basic(2, 2, 16, 1), &[(278, &[1])]), &[&rows[..4], &rows[4..]]);
        assert_eq!(decode(&plain).unwrap().1, [2, 1, 3, 0, 255, 255, 2, 0]);
        let fields = with(basic(2, 2, 16, 1), &[(259, &[8]), (317, &[2])]);
        let predicted = strips(big_endian, &fields, &[&zlib(&rows)]);
        assert_eq!(decode(&predicted).unwrap().1, [2, 1, 5, 1, 255, 255, 1, 0]);
    }
    let white = strips(true, &basic(9, 1, 1, 0), &[&[0b0101_0101, 0x80]]);
    assert_eq!(decode(&white).unwrap().1, [255, 0, 255, 0, 255, 0, 255, 0, 0]);
    let two = strips(false, &basic(4, 1, 2, 1), &[&[0b0001_1011]]);
    assert_eq!(decode(&two).unwrap().1, [0, 85, 170, 255]);
    let colors: Vec<u64> =
        [1u64, 2, 3, 4].iter().flat_map(|channel| (0..4).map(move |at| (channel * 10 + at) << 8)).collect();
    let palette = strips(true, &with(basic(4, 1, 2, 3), &[(320, &colors[..12])]), &[&[0b0001_1011]]);
    assert_eq!(decode(&palette).unwrap().1, [10, 20, 30, 11, 21, 31, 12, 22, 32, 13, 23, 33]);
}

#[test]
fn packed_bits_and_alpha_kinds() {
    let packed = [0xfe, 7, 128, 2, 1, 2, 3, 0xff, 9];
    let file = strips(false, &with(basic(4, 2, 8, 1), &[(259, &[32_773])]), &[&packed]);
    assert_eq!(decode(&file).unwrap().1, [7, 7, 7, 1, 2, 3, 9, 9]);
    let rgba = |kind: u64| {
        let fields = with(basic(2, 1, 8, 2), &[(277, &[4]), (338, &[kind])]);
        decode(&strips(true, &fields, &[&[10, 20, 200, 100, 0, 0, 0, 0]])).unwrap()
    };
    assert_eq!(rgba(2).1, [10, 20, 200, 100, 0, 0, 0, 0]);
    assert_eq!(rgba(1).1, [26, 51, 255, 100, 0, 0, 0, 0], "the colours were multiplied with alpha");
    assert_eq!(rgba(0).0.format.layout, Channels::Rgba);
}

#[test]
fn tiles_are_put_together() {
    let tile = |start: u8| -> Vec<u8> { (0..16u8).flat_map(|y| (0..16u8).map(move |x| start + (x ^ y))).collect() };
    let tiles: Vec<Vec<u8>> = [0u8, 30, 60, 90].map(tile).iter().map(|tile| zlib(tile)).collect();
    let pieces: Vec<&[u8]> = tiles.iter().map(Vec::as_slice).collect();
    let fields = with(basic(21, 19, 8, 1), &[(259, &[32_946]), (322, &[16]), (323, &[16])]);
    let fields: Vec<_> = fields.iter().map(|(tag, kind, values)| (*tag, *kind, &values[..])).collect();
    let file = handmade(false, &fields, (324, 325), &pieces);
    let (found, bytes) = decode(&file).unwrap();
    assert_eq!((found.size.width, found.size.height), (21, 19));
    for (at, sample) in bytes.iter().enumerate() {
        let (x, y) = (at % 21, at / 21);
        assert_eq!(usize::from(*sample), 30 * (x / 16) + 60 * (y / 16) + ((x % 16) ^ (y % 16)), "at {x},{y}");
    }
    assert_eq!(read_header(Cursor::new(&file)).unwrap().whole_bytes, Some(21 * 16));
    assert!(open(Cursor::new(file), 335).map(|_| ()).unwrap_err().to_string().contains("max_decode_bytes"));
}

#[test]
fn pages_are_counted_and_loops_end() {
    let file = strips(false, &basic(1, 1, 8, 1), &[&[5]]);
    let directory = u64::from(u32::from_le_bytes(file[4..8].try_into().unwrap())) as usize;
    let next_at = directory + 2 + 6 * 12;
    let mut looped = file.clone();
    looped[next_at..next_at + 4].copy_from_slice(&(directory as u32).to_le_bytes());
    assert_eq!(read_header(Cursor::new(&looped)).unwrap().frames, 1);
    let mut pages = file.clone();
    pages[next_at..next_at + 4].copy_from_slice(&(file.len() as u32).to_le_bytes());
    pages.extend([0, 0, 0, 0, 0, 0]);
    let header = read_header(Cursor::new(&pages)).unwrap();
    assert_eq!(header.notices(Channels::Gray), ["pages: the result is the first of 2 pages"]);
    assert_eq!(decode(&pages).unwrap().1, [5]);
}

#[test]
fn what_is_not_read_is_named() {
    let said = |more: &[(u16, &[u64])]| {
        let error = decode(&strips(false, &with(basic(1, 1, 8, 1), more), &[&[0; 64]])).unwrap_err();
        error.to_string()
    };
    assert!(said(&[(259, &[7])]).contains("JPEG compression"));
    assert!(said(&[(259, &[4])]).contains("fax"));
    assert!(said(&[(259, &[999])]).contains("compression 999"));
    assert!(said(&[(284, &[2]), (277, &[3])]).contains("separate planes"));
    assert!(said(&[(339, &[3])]).contains("floating point"));
    assert!(said(&[(277, &[5])]).contains("5 samples a pixel, 4 more than its colours"));
    assert!(said(&[(266, &[2])]).contains("FillOrder"));
    assert!(said(&[(317, &[3])]).contains("predictor 3"));
    let cmyk = decode(&strips(false, &with(basic(1, 1, 8, 5), &[(277, &[4])]), &[&[0; 64]])).unwrap_err();
    assert!(cmyk.to_string().contains("CMYK"));
    let deep = decode(&strips(false, &basic(1, 1, 32, 1), &[&[0; 64]])).unwrap_err();
    assert!(deep.to_string().contains("32 bits"));
    let uneven: Vec<_> = basic(1, 1, 8, 2).into_iter().filter(|field| field.0 != 258).collect();
    let uneven = with(uneven, &[(258, &[8, 8, 16]), (277, &[3])]);
    let uneven = decode(&strips(false, &uneven, &[&[0; 64]])).unwrap_err();
    assert!(uneven.to_string().contains("not all the same number of bits"), "{uneven}");
    let float = with(basic(1, 1, 32, 1), &[(339, &[3])]);
    let float = decode(&strips(false, &float, &[&[0; 64]])).unwrap_err();
    assert!(float.to_string().contains("floating point samples of 32 bits"), "{float}");
    let fields: Vec<_> = basic(1, 1, 8, 1).into_iter().filter(|field| field.0 != 262).collect();
    let unsaid = decode(&strips(false, &fields, &[&[0; 64]])).unwrap_err();
    assert!(unsaid.to_string().contains("does not say what its samples mean"), "{unsaid}");
}

#[test]
fn claims_allocate_nothing() {
    let huge = with(vec![(256, LONG, vec![1 << 30]), (257, LONG, vec![1 << 30])], &[(258, &[8]), (262, &[1])]);
    assert!(read_header(Cursor::new(strips(false, &huge, &[&[0; 8]]))).is_ok(), "one strip for all rows is allowed");
    let million =
        with(vec![(256, LONG, vec![1]), (257, LONG, vec![1_000_000])], &[(258, &[8]), (262, &[1]), (278, &[1])]);
    let error = read_header(Cursor::new(strips(false, &million, &[&[0; 8]]))).unwrap_err().to_string();
    assert!(error.contains("too few strips"), "{error}");
    let tiles = with(basic(10, 10, 8, 1), &[]);
    let mut tiles: Vec<_> = tiles.iter().map(|(tag, kind, values)| (*tag, *kind, &values[..])).collect();
    tiles.extend([(322, LONG, &[1 << 30][..]), (323, LONG, &[1 << 30][..])]);
    let error = read_header(Cursor::new(handmade(true, &tiles, (324, 325), &[&[0; 8]]))).unwrap_err().to_string();
    assert!(error.contains("tiles of width"), "{error}");
}

#[test]
fn a_file_beyond_4_gib_is_a_bigtiff() {
    let info = info(60_000, 40_000, Channels::Rgb, Depth::Eight);
    let paper = Paper::default();
    let _ = TiffWriter::new(paper.clone(), info, &Kept::NONE).unwrap();
    let head = paper.take();
    assert_eq!(&head[..4], b"II+\0");
    assert_eq!(read_header(Cursor::new(&head)).unwrap().info, info);
    let mut file = std::io::BufReader::new(tempfile::tempfile().unwrap());
    file.get_mut().write_all(&head).unwrap();
    file.get_mut().write_all(&vec![7; info.row_bytes()]).unwrap();
    file.get_mut().set_len(head.len() as u64 + info.bytes()).unwrap();
    std::io::Seek::rewind(file.get_mut()).unwrap();
    let mut rows = open(file, 0).unwrap();
    let mut row = vec![0; info.row_bytes()];
    rows.read_row(&mut row).unwrap();
    assert!(row.iter().all(|sample| *sample == 7));
    rows.read_row(&mut row).unwrap();
    assert!(row.iter().all(|sample| *sample == 0));
}

#[test]
fn the_orientation_is_read() {
    for number in 1..=8u64 {
        let file = strips(number % 2 == 0, &with(basic(1, 1, 8, 1), &[(274, &[number])]), &[&[1]]);
        assert_eq!(Some(read_header(Cursor::new(file)).unwrap().orientation), Turn::from_exif(number as u16));
    }
}

#[test]
fn no_cut_file_is_taken_for_a_whole_one() {
    let samples: Vec<u8> = (0..=255).collect();
    let gray = info(16, 16, Channels::Gray, Depth::Eight);
    let written = encode(gray, None, &samples);
    let compressed = strips(true, &with(basic(16, 16, 8, 1), &[(259, &[8])]), &[&zlib(&samples)]);
    for file in [written, compressed] {
        assert_eq!(decode(&file).unwrap().1, samples);
        (0..file.len() - 1).for_each(|at| assert!(decode(&file[..at]).is_err(), "cut at {at} of {}", file.len()));
    }
}

#[test]
fn a_wrong_checksum_is_found() {
    let mut data = zlib(&[1, 2, 3, 4]);
    *data.last_mut().unwrap() ^= 1;
    let error = decode(&strips(false, &with(basic(2, 2, 8, 1), &[(259, &[8])]), &[&data])).unwrap_err();
    assert!(matches!(error, ReadError::End { rows: 2, .. } | ReadError::Row { .. }), "{error}");
}
