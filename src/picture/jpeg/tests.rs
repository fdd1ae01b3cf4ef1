use std::io::Cursor;

use super::*;
use crate::picture::codec::ResultFormat;
use crate::picture::metadata::Kept;
use crate::picture::rows::{ReadError, WriteError};
use crate::picture::sniff::Format;
use crate::picture::testing::{info, read, write};
use crate::picture::{Depth, Layout, PictureInfo};

fn encode(info: PictureInfo, quality: u8) -> Vec<u8> {
    let settings = JpegSettings { quality, ..JpegSettings::default() };
    let row = |y: u32| (0..info.row_bytes() as u32).map(move |x| ((x * x / 50 + y * 3) % 256) as u8);
    let samples: Vec<u8> = (0..info.size.height).flat_map(row).collect();
    write(ResultFormat::Jpeg(settings), info, &Kept::NONE, &samples)
}

fn decode(file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    read(Format::Jpeg, file)
}

#[test]
fn every_size_and_layout_reads_back() {
    for layout in [Layout::Gray, Layout::Rgb] {
        for (width, height) in [(1, 1), (7, 9), (8, 8), (17, 31), (123, 77)] {
            let file = encode(info(width, height, layout), 95);
            let (found, bytes) = decode(&file).unwrap();
            assert_eq!(found, info(width, height, layout));
            assert_eq!(bytes.len() as u64, found.bytes());
        }
    }
}

#[test]
fn flat_pictures_survive_unchanged() {
    let settings = JpegSettings { quality: 100, ..JpegSettings::default() };
    let file = write(ResultFormat::Jpeg(settings), info(50, 40, Layout::Gray), &Kept::NONE, &[77; 2000]);
    assert!(decode(&file).unwrap().1.iter().all(|sample| *sample == 77));
}

#[test]
fn colours_share_four_pixels_or_none_as_chosen_and_gray_has_none_to_share() {
    let stripes: Vec<u8> = (0..32).flat_map(|x| if x % 2 == 0 { [200, 40, 40] } else { [40, 40, 200] }).collect();
    let written = |layout: Layout, chroma: Chroma| {
        let settings = ResultFormat::Jpeg(JpegSettings { quality: 95, chroma });
        write(settings, info(32, 16, layout), &Kept::NONE, &stripes[..32 * layout.channels()].repeat(16))
    };
    let sampling = |file: &[u8]| {
        let sof = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        file[sof + 10..].chunks(3).take(file[sof + 9].into()).map(|part| part[1]).collect::<Vec<u8>>()
    };
    let (half, full) = (written(Layout::Rgb, Chroma::Half), written(Layout::Rgb, Chroma::Full));
    assert_eq!((sampling(&half), sampling(&full)), (vec![0x22, 0x11, 0x11], vec![0x11; 3]));
    let far = |file: &[u8]| {
        let (_, bytes) = decode(file).unwrap();
        bytes.iter().zip(stripes.iter().cycle()).map(|(found, asked)| found.abs_diff(*asked)).max().unwrap()
    };
    assert!(far(&full) < 16 && far(&half) > 60, "{} and {}", far(&full), far(&half));
    assert_eq!(written(Layout::Gray, Chroma::Half), written(Layout::Gray, Chroma::Full));
    assert!("4:4:4".parse::<Chroma>().unwrap_err().contains("420, 444"));
}

#[test]
fn a_cut_jpeg_is_never_read_to_its_end() {
    let file = encode(info(200, 150, Layout::Rgb), 90);
    for length in (0..file.len() - 2).step_by(7).chain([file.len() - 3, file.len() - 2, file.len() - 1]) {
        assert!(decode(&file[..length]).is_err(), "cut at {length} of {}", file.len());
    }
}

#[test]
fn changed_bytes_never_panic() {
    let file = encode(info(60, 50, Layout::Rgb), 90);
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x5A;
        if let Ok((info, bytes)) = decode(&changed) {
            assert_eq!(bytes.len() as u64, info.bytes());
        }
    }
}

#[test]
fn a_claimed_size_costs_no_memory_and_what_is_not_read_is_named() {
    let mut file = encode(info(16, 16, Layout::Rgb), 90);
    let sof = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    file[sof + 5..sof + 9].copy_from_slice(&[0xFF; 4]);
    assert!(decode(&file).is_err());
    let named = |marker: u8, change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = encode(info(16, 16, Layout::Rgb), 90);
        file[sof + 1] = marker;
        change(&mut file);
        let Err(ReadError::Header(text)) = decode(&file) else { panic!("{marker:x} was read") };
        text
    };
    assert!(named(0xC9, &|_| ()).contains("arithmetic"));
    assert!(named(0xC3, &|_| ()).contains("lossless"));
    assert!(named(0xF7, &|_| ()).contains("JPEG-LS"));
    assert!(named(0xC1, &|file| file[sof + 4] = 12).contains("12 bits"));
    assert!(named(0xC0, &|file| file[sof + 5..sof + 7].fill(0)).contains("DNL"));
    let large = named(0xC2, &|file| file[sof + 5..sof + 9].fill(0xFF));
    assert!(large.contains("max_decode_bytes"), "{large}");
}

#[test]
fn pictures_that_jpeg_has_not_are_refused_by_name() {
    let refused = |info: PictureInfo| match JpegWriter::new(Vec::new(), info, JpegSettings::default()) {
        Err(WriteError::Unsupported(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(refused(info(5, 5, Layout::Rgba)).contains("alpha"));
    assert!(refused(info(70_000, 5, Layout::Rgb)).contains("65535"));
    let mut deep = info(5, 5, Layout::Gray);
    deep.format.depth = Depth::Sixteen;
    assert!(refused(deep).contains("16-bit"));
}

mod kinds;
mod surplus;
