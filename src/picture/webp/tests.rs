use std::io::{Cursor, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::picture::icc::tests::profile;
use crate::picture::rows::{ReadError, RowWriter};
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn info(width: u32, height: u32, layout: Layout) -> PictureInfo {
    PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth: Depth::Eight } }
}

fn encode(info: PictureInfo, icc: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let samples: Vec<u8> = (0..info.bytes()).map(|at| (at * at / 7 + at) as u8).collect();
    let paper = Paper::default();
    let mut writer = Box::new(WebpWriter::new(paper.clone(), info, icc).unwrap());
    samples.chunks_exact(info.row_bytes()).for_each(|row| writer.write_row(row).unwrap());
    writer.finish().unwrap();
    (std::mem::take(&mut *paper.0.lock()), samples)
}

fn decode(file: &[u8]) -> Result<(PictureInfo, Vec<u8>), ReadError> {
    let mut rows = open(Cursor::new(file.to_vec()), 1 << 24)?;
    let info = rows.info();
    let mut bytes = vec![0; info.bytes() as usize];
    bytes.chunks_exact_mut(info.row_bytes()).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok((info, bytes))
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
fn f17_the_profile_is_written_and_read() {
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
fn f29_pictures_that_webp_has_not_are_refused_by_name() {
    let mut deep = info(5, 5, Layout::Gray);
    deep.format.depth = Depth::Sixteen;
    assert!(check(deep, u64::MAX).unwrap_err().contains("16-bit"));
    assert!(check(info(16_384, 5, Layout::Rgb), u64::MAX).unwrap_err().contains("16383"));
    assert!(check(info(16_383, 16_383, Layout::Rgb), 1 << 29).unwrap_err().contains("TIFF"));
    assert!(check(info(16_383, 2, Layout::Rgb), 1 << 29).is_ok());
}
