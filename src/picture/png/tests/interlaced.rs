//! Interlaced pictures of all kinds against the same pixels without interlacing.

use super::*;
use crate::picture::icc::tests::profile;
use crate::picture::metadata::Kept;
use crate::picture::{Turn, codec, sniff};

/// First column and row of a pass, and the steps to the next (PNG, section 8.2).
const PASSES: [(usize, usize, usize, usize); 7] =
    [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
/// Colour type, depth, bits of a pixel: all that PNG allows.
const KINDS: [(u8, u8, usize); 15] = [
    (0, 1, 1),
    (0, 2, 2),
    (0, 4, 4),
    (0, 8, 8),
    (0, 16, 16),
    (2, 8, 24),
    (2, 16, 48),
    (3, 1, 1),
    (3, 2, 2),
    (3, 4, 4),
    (3, 8, 8),
    (4, 8, 16),
    (4, 16, 32),
    (6, 8, 32),
    (6, 16, 64),
];

/// The pixels of one pass, packed in rows, each with filter 0.
fn packed(size: (usize, usize), bits: usize, pass: (usize, usize, usize, usize), seed: u64) -> Vec<u8> {
    let (x0, y0, dx, dy) = pass;
    let mut raw = Vec::new();
    for y in (y0..size.1).step_by(dy) {
        let columns: Vec<usize> = (x0..size.0).step_by(dx).collect();
        if columns.is_empty() {
            continue;
        }
        let mut row = vec![0u8; (columns.len() * bits).div_ceil(8)];
        for (at, x) in columns.into_iter().enumerate() {
            let pixel = (seed | 1).wrapping_mul((x * 131 + y * 65_537 + 7) as u64).rotate_left(23);
            (0..bits).filter(|bit| pixel >> bit & 1 == 1).for_each(|bit| {
                let place = at * bits + bit;
                row[place / 8] |= 0x80 >> (place % 8);
            });
        }
        raw.push(0);
        raw.extend(row);
    }
    raw
}

fn read(file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    let mut rows = open(Cursor::new(file.to_vec()), 1 << 20)?;
    let info = rows.info();
    let mut bytes = vec![0; info.bytes() as usize];
    bytes.chunks_exact_mut(info.row_bytes()).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok((info, bytes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn interlaced_pictures_are_read_like_others(
        width in 1usize..40, height in 1usize..30, kind in 0usize..15, transparent: bool, seed: u64,
    ) {
        let (color, depth, bits) = KINDS[kind];
        let palette: Vec<u8> = (0..3 * 256).map(|at| (at * 5) as u8).collect();
        let alpha = [1u8, 2, 3, 4, 5, 6];
        let chunks: Vec<(&[u8; 4], &[u8])> = match (color, transparent) {
            (3, false) => vec![(b"PLTE", &palette[..3 << depth])],
            (3, true) => vec![(b"PLTE", &palette[..3 << depth]), (b"tRNS", &alpha[..2])],
            (0, true) => vec![(b"tRNS", &[0, 1])],
            (2, true) => vec![(b"tRNS", &alpha)],
            _ => Vec::new(),
        };
        let header = |interlaced| ihdr(width as u32, height as u32, depth, color, interlaced);
        let rows = packed((width, height), bits, (0, 0, 1, 1), seed);
        let passes: Vec<u8> = PASSES.iter().flat_map(|pass| packed((width, height), bits, *pass, seed)).collect();
        let plain = read(&handmade(header(0), &chunks, &rows)).unwrap();
        let interlaced = handmade(header(1), &chunks, &passes);
        prop_assert_eq!(read(&interlaced).unwrap(), plain);
    }
}

fn interlaced(width: u32, height: u32, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let size = (width as usize, height as usize);
    let passes: Vec<u8> = PASSES.iter().flat_map(|pass| packed(size, 24, *pass, 3)).collect();
    handmade(ihdr(width, height, 8, 2, 1), chunks, &passes)
}

#[test]
fn an_interlaced_picture_above_the_limit_is_refused_with_both_numbers() {
    let file = interlaced(50, 40, &[]);
    let header = read_header(Cursor::new(&file)).unwrap();
    assert_eq!(header.whole_bytes, Some(6000));
    assert!(header.check_memory(6000).is_ok());
    let refused = [
        header.check_memory(5999).unwrap_err().to_string(),
        open(Cursor::new(file), 5999).map(|_| ()).unwrap_err().to_string(),
    ];
    assert!(refused.iter().all(|text| text.contains("6000") && text.contains("max_decode_bytes is 5999")));
}

#[test]
fn no_cut_interlaced_picture_is_taken_for_a_whole_one() {
    let file = interlaced(9, 7, &[]);
    for at in 0..file.len() {
        assert!(read(&file[..at]).is_err(), "cut at {at} of {}", file.len());
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn orientation_and_profile_are_read() {
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let icc = profile(b"RGB ", 3000);
    let chunk = [&b"name\0\0"[..], &deflated(&icc)].concat();
    let header = |chunks: &[(&[u8; 4], &[u8])]| {
        codec::read_header(sniff::Format::Png, Cursor::new(interlaced(2, 2, chunks)), 1 << 20).unwrap()
    };
    let found = header(&[(b"iCCP", &chunk), (b"eXIf", exif)]);
    assert_eq!(found.orientation, Turn::Rotate90);
    assert_eq!(found.profile.keep_for(Layout::Rgb), Ok(Some(&icc[..])));
    let bomb = [&b"name\0\0"[..], &deflated(&vec![0; 20 << 20])].concat();
    let notices = header(&[(b"iCCP", &bomb)]).notices(Layout::Rgb);
    assert!(notices[0].contains("larger than"), "{notices:?}");
    let notices = header(&[(b"iCCP", b"name\0\0not zlib")]).notices(Layout::Rgb);
    assert!(notices[0].contains("damaged"), "{notices:?}");
}

#[test]
fn the_profile_is_written() {
    let icc = profile(b"GRAY", 777);
    let info = PictureInfo {
        size: Size { width: 3, height: 2 },
        format: PixelFormat { layout: Layout::Gray, depth: Depth::Eight },
    };
    let paper = Paper::new(1 << 20);
    let mut writer = Box::new(PngWriter::with(paper.clone(), info, &Kept::profile(icc.clone())).unwrap());
    (0..2).for_each(|_| writer.write_row(&[1, 2, 3]).unwrap());
    writer.finish().unwrap();
    let file = std::mem::take(&mut *paper.0.lock());
    assert_eq!(read(&file).unwrap().1, [1, 2, 3, 1, 2, 3]);
    assert_eq!(read_header(Cursor::new(file)).unwrap().profile.keep_for(Layout::Gray), Ok(Some(&icc[..])));
}
