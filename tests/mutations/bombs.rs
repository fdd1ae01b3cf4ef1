//! Small files that claim or unfold to much: read in little memory.

use std::io::{Cursor, Write};

use png::{BitDepth, ColorType};
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
fn f01_a_large_picture_of_few_bytes_takes_few() {
    let most = read_all(&black(50_000, 4_000, *b"tEXt", b"a\0b"));
    assert!(most < 1 << 20, "{most} bytes at once");
}

#[test]
fn f04_text_is_not_inflated() {
    let text = [&b"XML:com.adobe.xmp\0\x01\0\0\0"[..], &deflated(50 << 20)].concat();
    let most = read_all(&black(40, 30, *b"iTXt", &text));
    assert!(most < 1 << 20, "{most} bytes at once");
}

#[test]
fn f17_a_profile_of_20_mb_is_not_inflated_beyond_its_limit() {
    let file = black(40, 30, *b"iCCP", &[&b"name\0\0"[..], &deflated(20 << 20)].concat());
    HEAP.forget();
    let header = codec::read_header(Format::Png, Cursor::new(&file), 0).unwrap();
    assert!(HEAP.most() < 4 << 20, "{} bytes at once", HEAP.most());
    assert!(header.notices(header.info.format.layout)[0].contains("larger than"));
}
