//! Small files that claim or unfold to much: read in little memory.

use std::io::{Cursor, Write};

use png::{BitDepth, ColorType};
use tessera::linking::{Linker, PART_PIXELS, STRONG, WEAK};
use tessera::picture::codec;
use tessera::picture::rows::RowReader;
use tessera::picture::sniff::Format;

use crate::HEAP;

fn deflated(length: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::iter::repeat_n(b"a".repeat(1 << 20), length >> 20).for_each(|part| encoder.write_all(&part).unwrap());
    encoder.finish().unwrap()
}

/// A black picture of one bit a pixel, with a chunk before its data.
fn black(width: u32, height: u32, kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::ChunkType(kind), data).unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let row = vec![0; width.div_ceil(8) as usize];
    (0..height).for_each(|_| stream.write_all(&row).unwrap());
    stream.finish().unwrap();
    drop(writer);
    file
}

fn read_all(file: &[u8]) -> usize {
    HEAP.forget();
    let header = codec::read_header(Format::Png, Cursor::new(file), 0).unwrap();
    let file = Cursor::new(file.to_vec());
    let copy = HEAP.most();
    HEAP.forget();
    let mut rows = codec::open(Format::Png, file, 0).unwrap();
    let mut row = vec![9; header.info.row_bytes()];
    for _ in 0..header.info.size.height {
        rows.read_row(&mut row).unwrap();
        assert!(row.iter().all(|sample| *sample == 0));
    }
    rows.finish().unwrap();
    assert!(copy < 1 << 20, "the file is small");
    HEAP.most()
}

#[test]
fn a_large_picture_of_few_bytes_takes_few() {
    let most = read_all(&black(50_000, 4_000, *b"tEXt", b"a\0b"));
    assert!(most < 1 << 20, "{most} bytes at once");
}

#[test]
fn text_is_not_inflated() {
    let text = [&b"XML:com.adobe.xmp\0\x01\0\0\0"[..], &deflated(50 << 20)].concat();
    let most = read_all(&black(40, 30, *b"iTXt", &text));
    assert!(most < 1 << 20, "{most} bytes at once");
}

#[test]
fn a_profile_of_20_mb_is_not_inflated_beyond_its_limit() {
    let file = black(40, 30, *b"iCCP", &[&b"name\0\0"[..], &deflated(20 << 20)].concat());
    HEAP.forget();
    let header = codec::read_header(Format::Png, Cursor::new(&file), 0).unwrap();
    assert!(HEAP.most() < 4 << 20, "{} bytes at once", HEAP.most());
    assert!(header.notices(header.info.format.layout)[0].contains("larger than"));
}

#[test]
fn of_many_profiles_of_a_file_one_is_inflated() {
    let chunk = [&b"name\0\0"[..], &deflated(20 << 20)].concat();
    let one = black(40, 30, *b"iCCP", &chunk);
    let (start, rest) = one.split_at(33);
    let many = [start, &rest[..chunk.len() + 12].repeat(2_000), &rest[chunk.len() + 12..]].concat();
    HEAP.forget();
    let header = codec::read_header(Format::Png, Cursor::new(&many), 0).unwrap();
    assert!(header.notices(header.info.format.layout)[0].contains("larger than"));
    assert!(HEAP.asked() < 8 << 20, "{} bytes in all", HEAP.asked());
}

#[test]
fn parts_of_a_profile_without_data_take_no_room() {
    let file = std::fs::read("tests/fixtures/pictures/rgb444.jpg").unwrap();
    let part = b"\xff\xe2\x00\x10ICC_PROFILE\0\x01\x01";
    let file = [&file[..2], &part.repeat(200_000), &file[2..]].concat();
    HEAP.forget();
    codec::read_header(Format::Jpeg, Cursor::new(&file), 1 << 20).unwrap();
    assert!(HEAP.held() < 2 << 20, "{} bytes held", HEAP.held());
}

#[test]
fn a_lossy_webp_counts_its_coded_bytes() {
    let file = std::fs::read("tests/fixtures/pictures/lossy.webp").unwrap();
    let size = u32::from_le_bytes(file[16..20].try_into().unwrap()) as usize;
    let whole =
        |file: &[u8]| codec::read_header(Format::WebP, Cursor::new(file), 1 << 30).unwrap().whole_bytes.unwrap();
    let padding = 8 << 20;
    let mut padded = file[..20 + size].to_vec();
    padded.resize(padded.len() + padding, 0);
    padded[16..20].copy_from_slice(&((size + padding) as u32).to_le_bytes());
    let riff = (padded.len() - 8) as u32;
    padded[4..8].copy_from_slice(&riff.to_le_bytes());
    let promised = whole(&padded);
    assert!(promised >= whole(&file) + padding as u64);
    // A small picture behind the large one does not stand for it.
    let mut two = [&padded[..], &file[12..20 + size]].concat();
    let riff = (two.len() - 8) as u32;
    two[4..8].copy_from_slice(&riff.to_le_bytes());
    assert_eq!(whole(&two), promised);
    let mut rows = codec::open(Format::WebP, Cursor::new(padded), 1 << 30).unwrap();
    let mut row = vec![0; rows.info().row_bytes()];
    HEAP.forget();
    // What it makes of the padding is its own affair; what it takes for it is not.
    let _ = rows.read_row(&mut row);
    assert!(HEAP.held() as u64 <= promised, "{} bytes held of {promised}", HEAP.held());
}

#[test]
fn linking_holds_what_it_says_at_the_worst() {
    // Every second pixel an edge of its own: more pieces cannot be.
    let (width, height) = (1024_usize, PART_PIXELS / 1024);
    let row: Vec<u8> = (0..width).map(|x| [STRONG, 0, WEAK, 0][x % 4]).collect();
    let mut strip = row.repeat(height);
    let (spill, most) = (tempfile::tempfile().unwrap(), 13 * PART_PIXELS);
    let mut linker = Linker::new(width as u32, 1, spill);
    HEAP.forget();
    linker.add(&strip).unwrap();
    assert!(HEAP.held() < most, "{} bytes held to add", HEAP.held());
    let mut settler = linker.finish().unwrap();
    HEAP.forget();
    settler.settle(&mut strip).unwrap();
    assert!(HEAP.held() < most, "{} bytes held to settle", HEAP.held());
}
