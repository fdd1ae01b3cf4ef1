mod extras;
mod interlaced;

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::picture::rows::{ReadError, RowReader, RowWriter};
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

const LAYOUTS: [Layout; 4] = [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba];

fn samples(info: PictureInfo, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 & 0x3f
    };
    std::iter::repeat_with(noise).take(info.bytes() as usize).collect()
}

/// An output with little room, that can be looked at afterwards.
#[derive(Clone)]
struct Paper(Arc<Mutex<Vec<u8>>>, usize);

impl Paper {
    fn new(room: usize) -> Self {
        Self(Arc::default(), room)
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock();
        let taken = bytes.len().min(self.1 - written.len());
        written.extend_from_slice(&bytes[..taken]);
        if taken == 0 { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn encode(info: PictureInfo, pixels: &[u8]) -> Vec<u8> {
    let paper = Paper::new(1 << 30);
    let mut writer = Box::new(PngWriter::new(paper.clone(), info).unwrap());
    pixels.chunks_exact(info.row_bytes()).for_each(|row| writer.write_row(row).unwrap());
    writer.finish().unwrap();
    std::mem::take(&mut *paper.0.lock())
}

fn decode(file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    let mut rows = PngRows::open(Cursor::new(file))?;
    let info = rows.info();
    // A flipped header may claim any size.
    let mut row = vec![0; info.row_bytes().min(1 << 24)];
    let mut pixels = Vec::new();
    for _ in 0..info.size.height {
        rows.read_row(&mut row)?;
        pixels.extend_from_slice(&row);
    }
    rows.finish()?;
    Ok((info, pixels))
}

fn small() -> (PictureInfo, Vec<u8>, Vec<u8>) {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width: 23, height: 17 }, format };
    let pixels = samples(info, 5);
    let file = encode(info, &pixels);
    (info, pixels, file)
}

/// A PNG made by hand: any colour type, with the chunks given between IHDR and IDAT.
fn handmade(ihdr: [u8; 13], chunks: &[(&[u8; 4], &[u8])], raw: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        file.extend_from_slice(&(data.len() as u32).to_be_bytes());
        file.extend_from_slice(kind);
        file.extend_from_slice(data);
        file.extend_from_slice(&crc32(&[&kind[..], data].concat()).to_be_bytes());
    };
    chunk(b"IHDR", &ihdr);
    chunks.iter().for_each(|(kind, data)| chunk(kind, data));
    chunk(b"IDAT", &stored_zlib(raw));
    chunk(b"IEND", &[]);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (a + b) % 65521)
    });
    b << 16 | a
}

fn stored_zlib(raw: &[u8]) -> Vec<u8> {
    let length = raw.len() as u16;
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend_from_slice(&length.to_le_bytes());
    data.extend_from_slice(&(!length).to_le_bytes());
    data.extend_from_slice(raw);
    data.extend_from_slice(&adler32(raw).to_be_bytes());
    data
}

fn ihdr(width: u32, height: u32, depth: u8, color: u8, interlaced: u8) -> [u8; 13] {
    let mut header = [0; 13];
    header[..4].copy_from_slice(&width.to_be_bytes());
    header[4..8].copy_from_slice(&height.to_be_bytes());
    header[8..].copy_from_slice(&[depth, color, 0, 0, interlaced]);
    header
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_layout_and_depth_comes_back(
        width in 1u32..80, height in 1u32..40, layout in 0usize..4, deep: bool, seed: u64,
    ) {
        let depth = if deep { Depth::Sixteen } else { Depth::Eight };
        let format = PixelFormat { layout: LAYOUTS[layout], depth };
        let info = PictureInfo { size: Size { width, height }, format };
        let pixels = samples(info, seed);
        let file = encode(info, &pixels);
        prop_assert_eq!(read_info(Cursor::new(&file)).unwrap(), PngHeader { info, interlaced: false, frames: 1 });
        prop_assert_eq!(decode(&file).unwrap(), (info, pixels));
    }
}

#[test]
fn no_cut_picture_is_taken_for_a_whole_one() {
    let (_, _, file) = small();
    for at in 0..file.len() {
        assert!(decode(&file[..at]).is_err(), "cut at {at} of {}", file.len());
    }
}

#[test]
fn no_flipped_byte_gives_other_pixels() {
    let (info, pixels, file) = small();
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 0x04;
        if let Ok(read) = decode(&flipped) {
            panic!("flipped byte {at} of {} was not seen: {}", file.len(), read == (info, pixels));
        }
    }
}

#[test]
fn a_wrong_adler_is_found_although_the_crc_agrees() {
    let raw = [0, 1, 2, 3, 0, 4, 5, 6];
    let whole = handmade(ihdr(3, 2, 8, 0, 0), &[], &raw);
    assert_eq!(decode(&whole).unwrap().1, [1, 2, 3, 4, 5, 6]);
    let with_data = |data: &[u8]| {
        let body = [b"IDAT", data].concat();
        let length = (data.len() as u32).to_be_bytes();
        [&whole[..33], &length, &body, &crc32(&body).to_be_bytes(), &whole[whole.len() - 12..]].concat()
    };
    let mut data = stored_zlib(&raw);
    assert_eq!(with_data(&data), whole);
    assert!(decode(&with_data(&data[..data.len() - 5])).is_err(), "a sample is missing");
    // Like libpng, the decoder does not miss a checksum that is cut off where every CRC agrees: the samples are whole.
    let without_checksum = decode(&with_data(&data[..data.len() - 1]));
    assert!(without_checksum.is_err() || without_checksum.unwrap().1 == [1, 2, 3, 4, 5, 6]);
    *data.last_mut().unwrap() ^= 1;
    assert!(decode(&with_data(&data)).is_err());
}

#[test]
fn a_cut_picture_names_the_row_it_reached() {
    let (_, _, file) = small();
    let error = decode(&file[..file.len() * 3 / 4]).unwrap_err().to_string();
    assert!(error.starts_with("reading row ") && error.ends_with("of 17: the file ends early"), "{error}");
    let no_end = decode(&file[..file.len() - 12]).unwrap_err();
    assert!(matches!(no_end, ReadError::End { rows: 17, .. }), "{no_end}");
}

#[test]
fn palettes_and_low_depths_are_expanded() {
    let palette: &[u8] = &[10, 20, 30, 40, 50, 60];
    let (info, pixels) = decode(&handmade(ihdr(2, 1, 8, 3, 0), &[(b"PLTE", palette)], &[0, 0, 1])).unwrap();
    assert_eq!((info.format.layout, pixels), (Layout::Rgb, palette.to_vec()));
    let chunks: [(&[u8; 4], &[u8]); 2] = [(b"PLTE", palette), (b"tRNS", &[7])];
    let (info, pixels) = decode(&handmade(ihdr(2, 1, 1, 3, 0), &chunks, &[0, 0b0100_0000])).unwrap();
    assert_eq!((info.format.layout, pixels), (Layout::Rgba, vec![10, 20, 30, 7, 40, 50, 60, 255]));
    let (info, pixels) = decode(&handmade(ihdr(3, 1, 2, 0, 0), &[], &[0, 0b0110_1100])).unwrap();
    assert_eq!((info.format.layout, pixels), (Layout::Gray, vec![85, 170, 255]));
    let transparent: [(&[u8; 4], &[u8]); 1] = [(b"tRNS", &[0x12, 0x34])];
    let (info, pixels) = decode(&handmade(ihdr(1, 1, 16, 0, 0), &transparent, &[0, 0x12, 0x34])).unwrap();
    assert_eq!(info.format, PixelFormat { layout: Layout::GrayAlpha, depth: Depth::Sixteen });
    assert_eq!(pixels, [0x34, 0x12, 0, 0]);
}

#[test]
fn bits_of_a_transparent_gray_that_the_picture_has_not_are_masked() {
    for (depth, row, gray) in [(1, 0b0100_0000, [0xff, 0xff]), (2, 0b0011_0000, [0, 0xff]), (4, 0x0f, [7, 0x1f])] {
        let [plain, masked] = [[0, (1 << depth) - 1], gray].map(|gray| {
            let file = handmade(ihdr(2, 1, depth, 0, 0), &[(b"tRNS", &gray)], &[0, row]);
            let rows = decode(&file).unwrap();
            let whole =
                handmade(ihdr(2, 1, depth, 0, 1), &[(b"tRNS", &gray)], &[0, row & !(0xff >> depth), 0, row << depth]);
            let mut reader = open(Cursor::new(whole), 1 << 20).unwrap();
            let mut samples = vec![0; 4];
            reader.read_row(&mut samples).unwrap();
            assert_eq!(samples, rows.1, "interlaced");
            rows
        });
        assert_eq!((plain.1, masked.1), (vec![0, 255, 255, 0], vec![0, 255, 255, 0]), "{depth}");
    }
}

#[test]
fn interlaced_and_oversized_pictures_are_refused_by_name() {
    let interlaced = handmade(ihdr(1, 1, 8, 0, 1), &[], &[0, 9]);
    assert!(read_info(Cursor::new(&interlaced)).unwrap().interlaced);
    assert!(PngRows::open(Cursor::new(&interlaced)).unwrap_err().to_string().contains("interlaced PNG"));
    let huge = handmade(ihdr(0x7fff_ffff, 0x7fff_ffff, 8, 2, 0), &[], &[]);
    let error = read_info(Cursor::new(&huge)).unwrap_err().to_string();
    assert!(error.contains("2147483647x2147483647"), "{error}");
    assert!(read_info(Cursor::new(b"no picture")).is_err());
}

#[test]
fn compressed_text_and_profiles_are_not_inflated() {
    // Not even valid zlib: inflating them would fail.
    let chunks: [(&[u8; 4], &[u8]); 3] = [
        (b"iCCP", b"name\0\0not zlib"),
        (b"zTXt", b"Comment\0\0not zlib"),
        (b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0not zlib"),
    ];
    assert_eq!(decode(&handmade(ihdr(1, 1, 8, 0, 0), &chunks, &[0, 9])).unwrap().1, [9]);
}

#[test]
fn the_writer_refuses_wrong_rows_and_reports_a_failing_output() {
    let (info, pixels, file) = small();
    let mut writer = Box::new(PngWriter::new(Vec::new(), info).unwrap());
    assert!(writer.write_row(&pixels[1..info.row_bytes()]).is_err());
    writer.write_row(&pixels[..info.row_bytes()]).unwrap();
    assert!(writer.finish().is_err(), "rows are missing");
    for room in [0, 20, 40, file.len() - 1] {
        let write = || {
            let mut writer = Box::new(PngWriter::new(Paper::new(room), info)?);
            pixels.chunks_exact(info.row_bytes()).try_for_each(|row| writer.write_row(row))?;
            writer.finish()
        };
        assert!(write().is_err(), "an output with room for {room} of {} bytes", file.len());
    }
}
