//! Whole pyramids, held against areas that are averaged here in another way: level by level over the upright picture.

use std::io::Cursor;

use proptest::prelude::*;

use super::encode::decode;
use super::*;
use crate::picture::testing::info;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Turn};

const LAYOUTS: [Layout; 4] = [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba];

fn noise(info: PictureInfo, seed: u64) -> Vec<u8> {
    (0..info.bytes()).map(|at| ((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

/// Soft slopes, which JPEG keeps well.
fn slopes(info: PictureInfo) -> Vec<u8> {
    let channels = info.format.layout.channels();
    let width = info.size.width as usize;
    let sample = |at: usize| {
        let (pixel, channel) = (at / channels, at % channels);
        let there_and_back = (pixel % width / 5 + pixel / width / 3) % 400;
        (there_and_back.min(400 - there_and_back) + channel * 10) as u8
    };
    (0..info.bytes() as usize).map(sample).collect()
}

fn make(info: PictureInfo, turn: Turn, rows: &[u8], at_once: usize) -> PyramidReader<Cursor<Vec<u8>>> {
    let mut maker = PyramidMaker::new(info, turn, u64::MAX, Vec::new());
    rows.chunks(info.row_bytes() * at_once).for_each(|rows| maker.add(rows).unwrap());
    PyramidReader::open(Cursor::new(maker.finish().unwrap())).unwrap()
}

/// A picture of samples, upright, and its half.
struct Plain {
    info: PictureInfo,
    samples: Vec<u8>,
}

impl Plain {
    fn upright(info: PictureInfo, turn: Turn, rows: &[u8]) -> Self {
        let narrow = |bytes: &[u8]| match info.format.depth {
            Depth::Eight => bytes.to_vec(),
            Depth::Sixteen => bytes
                .chunks_exact(2)
                .map(|pair| ((u32::from(pair[1]) * 256 + u32::from(pair[0]) + 128) / 257) as u8)
                .collect(),
        };
        let eight = PixelFormat { layout: info.format.layout, depth: Depth::Eight };
        let keep = Rect { x: 0, y: 0, width: info.size.width, height: info.size.height };
        let pixels = Pixels::from_bytes(PictureInfo { size: info.size, format: eight }, narrow(rows)).unwrap();
        let turned = turn.pixels(pixels, keep).unwrap();
        Self { info: turned.info(), samples: turned.into_bytes() }
    }

    fn at(&self, x: u32, y: u32, channel: usize) -> u32 {
        let channels = self.info.format.layout.channels();
        self.samples[(y as usize * self.info.size.width as usize + x as usize) * channels + channel].into()
    }

    fn half(&self) -> Self {
        let size = self.info.size;
        let half = crate::picture::Size { width: size.width.div_ceil(2), height: size.height.div_ceil(2) };
        let mut samples = Vec::new();
        for (y, x) in (0..half.height).flat_map(|y| (0..half.width).map(move |x| (y, x))) {
            for channel in 0..self.info.format.layout.channels() {
                let ys = 2 * y..(2 * y + 2).min(size.height);
                let area: Vec<u32> = ys
                    .flat_map(|y| (2 * x..(2 * x + 2).min(size.width)).map(move |x| (x, y)))
                    .map(|(x, y)| self.at(x, y, channel))
                    .collect();
                let count = area.len() as u32;
                samples.push(((area.iter().sum::<u32>() * 2 + count) / (2 * count)) as u8);
            }
        }
        Self { info: PictureInfo { size: half, ..self.info }, samples }
    }

    fn tile(&self, column: u32, row: u32) -> Vec<u8> {
        let size = self.info.size;
        let (xs, ys) =
            (column * TILE..((column + 1) * TILE).min(size.width), row * TILE..((row + 1) * TILE).min(size.height));
        let channels = 0..self.info.format.layout.channels();
        ys.flat_map(|y| xs.clone().map(move |x| (x, y)))
            .flat_map(|(x, y)| channels.clone().map(move |channel| (x, y, channel)))
            .map(|(x, y, channel)| self.at(x, y, channel) as u8)
            .collect()
    }
}

/// Holds every tile against the plain halves; JPEG may differ by `off`.
fn compare(pyramid: &mut PyramidReader<Cursor<Vec<u8>>>, mut plain: Plain, off: u8) {
    let (shape, kind) = (pyramid.shape(), pyramid.kind());
    assert_eq!(shape.size(), plain.info.size);
    for level in (0..=shape.full_level()).rev() {
        assert_eq!(shape.level(level), Some(plain.info.size));
        let grid = shape.grid(level).unwrap();
        let rows = if level <= shape.top() { grid.height } else { 0 };
        for (row, column) in (0..rows).flat_map(|row| (0..grid.width).map(move |column| (row, column))) {
            let (file, _) = pyramid.tile(level, column, row).unwrap().unwrap();
            let (info, pixels) = decode(kind, file).unwrap();
            assert_eq!(info.format.layout, plain.info.format.layout);
            let expected = plain.tile(column, row);
            assert_eq!(pixels.len(), expected.len(), "{column}, {row} of {level}");
            let most = pixels.iter().zip(&expected).map(|(one, other)| one.abs_diff(*other)).max();
            assert!(most <= Some(off), "{column}, {row} of {level} is off by {most:?}");
        }
        plain = plain.half();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// PNG is exact, so pictures with alpha show the arithmetic itself.
    #[test]
    fn tiles_are_the_means_of_areas_however_the_picture_lies(
        width in 1u32..700, height in 1u32..700, turn in 0usize..8, sixteen: bool, layout in 0usize..2, at_once in 1usize..300,
        seed: u64,
    ) {
        let format = PixelFormat {
            layout: [Layout::GrayAlpha, Layout::Rgba][layout],
            depth: if sixteen { Depth::Sixteen } else { Depth::Eight },
        };
        let info = PictureInfo { format, ..info(width, height, Layout::Gray) };
        let (turn, rows) = (Turn::ALL[turn], noise(info, seed));
        compare(&mut make(info, turn, &rows, at_once), Plain::upright(info, turn, &rows), 0);
    }
}

#[test]
fn pictures_without_alpha_become_jpeg_and_gray_stays_gray() {
    for layout in LAYOUTS {
        let info = info(530, 300, layout);
        let rows = slopes(info);
        let mut pyramid = make(info, Turn::Rotate90, &rows, 7);
        assert_eq!(pyramid.kind(), if layout.has_alpha() { TileKind::Png } else { TileKind::Jpeg });
        compare(&mut pyramid, Plain::upright(info, Turn::Rotate90, &rows), 24);
    }
}

#[test]
fn a_large_picture_begins_at_half_its_size() {
    let info = info(3000, 1600, Layout::Gray);
    let rows = slopes(info);
    let mut pyramid = make(info, Turn::None, &rows, 256);
    assert_eq!((pyramid.shape().full_level(), pyramid.shape().top()), (12, 11));
    assert!(pyramid.tile(12, 0, 0).unwrap().is_none() && pyramid.tile(11, 6, 0).unwrap().is_none());
    compare(&mut pyramid, Plain::upright(info, Turn::None, &rows), 24);
}

#[test]
fn a_preview_is_the_largest_level_that_fits() {
    let of = info(1100, 700, Layout::Rgba);
    let rows = noise(of, 7);
    let mut pyramid = make(of, Turn::None, &rows, 1);
    let half = Plain::upright(of, Turn::None, &rows).half();
    for (side, width) in [(2048, 1100), (1099, 550), (550, 550), (549, 275), (256, 138), (1, 1), (0, 1)] {
        let preview = pyramid.preview(side).unwrap();
        let (info, pixels) = decode(preview.kind, preview.bytes).unwrap();
        assert_eq!((info.size, info.size.width), (preview.size, width), "{side}");
        assert!(width != 550 || pixels == half.samples);
    }
}

#[test]
fn what_is_damaged_or_cut_off_is_told_and_read_no_further() {
    let of = info(600, 600, Layout::Gray);
    let mut maker = PyramidMaker::new(of, Turn::None, u64::MAX, Vec::new());
    maker.add(&noise(of, 1)).unwrap();
    let file = maker.finish().unwrap();
    for length in (0..file.len()).step_by(997).chain([file.len() - 1]) {
        assert!(PyramidReader::open(Cursor::new(&file[..length])).is_err(), "{length}");
    }
    for at in (0..file.len()).step_by(89) {
        let mut bad = file.clone();
        bad[at] ^= 0x55;
        let Ok(mut pyramid) = PyramidReader::open(Cursor::new(bad)) else { continue };
        let grid = |level| pyramid.shape().grid(level).unwrap();
        let places: Vec<_> = (0..=pyramid.shape().top())
            .flat_map(|level| (0..grid(level).width).map(move |column| (level, column)))
            .flat_map(|(level, column)| (0..grid(level).height).map(move |row| (level, column, row)))
            .collect();
        let bad = places.iter().filter(|(level, column, row)| pyramid.tile(*level, *column, *row).is_err()).count();
        assert_eq!(bad, 1, "byte {at}");
    }
}

#[test]
fn rows_that_are_missing_make_no_pyramid_and_those_too_many_none_other() {
    let of = info(40, 3, Layout::Rgb);
    let rows = slopes(of);
    let mut maker = PyramidMaker::new(of, Turn::None, u64::MAX, Vec::new());
    maker.add(&rows[..240]).unwrap();
    assert!(maker.finish().is_err());
    let mut maker = PyramidMaker::new(of, Turn::None, u64::MAX, Vec::new());
    maker.add(&[&rows[..], &rows[..]].concat()).unwrap();
    let mut just = PyramidMaker::new(of, Turn::None, u64::MAX, Vec::new());
    just.add(&rows).unwrap();
    assert_eq!(maker.finish().unwrap(), just.finish().unwrap());
}

#[test]
fn a_pyramid_that_fails_lets_the_rows_pass() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    struct Count(u32);
    impl crate::picture::RowWriter for Count {
        fn write_row(&mut self, _: &[u8]) -> Result<(), crate::picture::WriteError> {
            self.0 += 1;
            Ok(())
        }
        fn finish(self: Box<Self>) -> Result<(), crate::picture::WriteError> {
            assert_eq!(self.0, 300);
            Ok(())
        }
    }
    let of = info(30, 300, Layout::Gray);
    let tap = PyramidTap::new(PyramidMaker::new(of, Turn::None, u64::MAX, Full));
    let mut writer: Box<dyn crate::picture::RowWriter> = Box::new(tap.writer(Box::new(Count(0))));
    slopes(of).chunks(30).for_each(|row| writer.write_row(row).unwrap());
    writer.finish().unwrap();
    assert!(!tap.wants_rows());
    assert_eq!(tap.finish().err().map(|error| error.kind()), Some(std::io::ErrorKind::StorageFull));
}
