use std::io::{Cursor, Write};
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::operation::{Margins, TileInput};
use crate::picture::png::{PngRows, PngWriter};
use crate::picture::raw::{RawRows, RawWriter};
use crate::picture::{Depth, Layout, PixelFormat, Pixels, Rect, Size};

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

fn picture() -> (PictureInfo, Vec<u8>) {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width: 61, height: 150 }, format };
    let bytes = (0..info.bytes()).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 12) as u8).collect();
    (info, bytes)
}

fn png(info: PictureInfo, bytes: &[u8]) -> Vec<u8> {
    let paper = Paper::default();
    let mut writer = Box::new(PngWriter::new(paper.clone(), info).unwrap());
    bytes.chunks_exact(info.row_bytes()).for_each(|row| writer.write_row(row).unwrap());
    writer.finish().unwrap();
    std::mem::take(&mut *paper.0.lock())
}

fn run_on(file: &[u8], chain: &Chain, writer: Box<dyn RowWriter>, resources: Resources) -> Result<(), RunError> {
    let mut open = || PngRows::open(Cursor::new(file.to_vec())).map(|rows| Box::new(rows) as Box<dyn RowReader>);
    let mut make_aside = || Ok(Box::new(Cursor::new(Vec::new())) as Box<dyn Aside>);
    run(&mut open, chain, writer, &mut make_aside, resources)
}

/// The samples that come out of the whole picture in one piece.
fn whole(chain: &Chain, info: PictureInfo, bytes: Vec<u8>) -> Vec<u8> {
    let rect = Rect { x: 0, y: 0, width: info.size.width, height: info.size.height };
    let pixels = Pixels::from_bytes(info, bytes).unwrap();
    chain.run(TileInput { pixels, rect, margins: Margins::default(), picture: info }).unwrap().into_bytes()
}

fn raw_samples(raw: &[u8], info: PictureInfo) -> Vec<u8> {
    let mut rows = RawRows::open(raw).unwrap();
    assert_eq!(rows.info(), info);
    let mut samples = vec![0; info.bytes() as usize];
    samples.chunks_exact_mut(info.row_bytes()).for_each(|row| rows.read_row(row).unwrap());
    rows.finish().unwrap();
    samples
}

#[test]
fn any_band_height_gives_what_the_whole_gives() {
    let (info, bytes) = picture();
    let file = png(info, &bytes);
    for steps in [
        &["gaussian_blur:ksize=21", "grayscale", "gaussian_blur:ksize=5", "invert"][..],
        &["flip", "gaussian_blur:ksize=21"],
        &["gaussian_blur:ksize=9", "rotate:degrees=90", "sobel"],
        &["rotate:degrees=270", "gaussian_blur:ksize=9"],
        &["sharpen", "rotate:degrees=180", "invert"],
        &["flip:axis=v", "sharpen"],
        &["rotate", "sharpen", "rotate", "flip:axis=v"],
    ] {
        let chain = Chain::parse(steps, 9).unwrap();
        let expected = whole(&chain, info, bytes.clone());
        let output = output_info(&chain, info).unwrap();
        for (band_rows, threads) in [(1, 1), (7, 3), (64, 1), (64, 2), (149, 1), (150, 2), (1000, 4)] {
            let paper = Paper::default();
            let writer = RawWriter::new(paper.clone(), output).unwrap();
            run_on(&file, &chain, Box::new(writer), Resources::threads(threads).with_band_rows(band_rows)).unwrap();
            let raw = std::mem::take(&mut *paper.0.lock());
            assert_eq!(
                raw_samples(&raw, output),
                expected,
                "{steps:?} in bands of {band_rows} rows by {threads} threads"
            );
        }
    }
}

#[test]
fn steps_that_are_measured_get_their_numbers_from_the_whole_picture() {
    let (info, bytes) = picture();
    let file = png(info, &bytes);
    let chain = Chain::parse(&["rotate", "contrast:factor=3", "sharpen", "contrast:factor=0.5", "flip"], 9).unwrap();
    let mut expected = Chain::new(Vec::new());
    for step in chain.steps() {
        let mut steps = expected.steps().to_vec();
        let step = match step.statistic() {
            None => step.clone(),
            Some(statistic) => {
                let size = expected.turn().size(info.size);
                let format = expected.output(info.format).unwrap();
                let pixels = Pixels::from_bytes(PictureInfo { size, format }, whole(&expected, info, bytes.clone()));
                let total = statistic.measure(&pixels.unwrap()).unwrap();
                step.with_numbers(&statistic.resolve(format, &total)).unwrap()
            }
        };
        steps.push(step);
        expected = Chain::new(steps);
    }
    let expected = whole(&expected, info, bytes.clone());
    let output = output_info(&chain, info).unwrap();
    for (band_rows, threads) in [(1, 4), (64, 1), (64, 2), (150, 1)] {
        let paper = Paper::default();
        let writer = RawWriter::new(paper.clone(), output).unwrap();
        run_on(&file, &chain, Box::new(writer), Resources::threads(threads).with_band_rows(band_rows)).unwrap();
        let raw = std::mem::take(&mut *paper.0.lock());
        assert_eq!(raw_samples(&raw, output), expected, "in bands of {band_rows} rows by {threads} threads");
    }
}

/// A thin white spiral on black, from the middle to the edge.
fn spiral(side: u32) -> (PictureInfo, Vec<u8>) {
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width: side, height: side }, format };
    let mut bytes = vec![0; info.bytes() as usize];
    let (mut low, mut high) = (4, side - 5);
    let mut fill = |x: u32, y: u32, light: u8| bytes[(y * side + x) as usize] = light;
    // Only the outer end is bright enough to begin an edge.
    let mut light = 255;
    while low + 12 < high {
        (low..=high).for_each(|x| fill(x, low, light));
        light = 60;
        (low..=high).for_each(|y| fill(high, y, light));
        (low..=high).for_each(|x| fill(x, high, light));
        (low + 8..=high).for_each(|y| fill(low, y, light));
        (low..low + 9).for_each(|x| fill(x, low + 8, light));
        (low, high) = (low + 8, high - 8);
    }
    (info, bytes)
}

#[test]
fn what_is_linked_over_the_whole_picture_is_so_in_bands() {
    let canny = "canny:low=100,high=400";
    let (info, bytes) = spiral(150);
    let file = png(info, &bytes);
    let linked = |chain: &Chain, info: PictureInfo, bytes: Vec<u8>| -> Vec<u8> {
        // Without a seam the kernel settles all: strong or nothing.
        let map = whole(chain, info, bytes);
        map.into_iter().map(|value| [0, 127, 255][usize::from(value)]).collect()
    };
    let edges = linked(&Chain::parse(&[canny], 1).unwrap(), info, bytes.clone());
    assert!(edges.iter().filter(|value| **value == 255).count() > 3000, "the spiral is lost");
    let again = Chain::parse(&["dilate", "rotate:degrees=180"], 2).unwrap();
    let turned = linked(&Chain::parse(&["rotate", canny], 2).unwrap(), info, bytes);
    for (steps, expected) in [
        (&[canny][..], edges.clone()),
        (&["rotate", canny], turned),
        (&[canny, "dilate", "rotate:degrees=180"], whole(&again, info, edges)),
    ] {
        let chain = Chain::parse(steps, 9).unwrap();
        let output = output_info(&chain, info).unwrap();
        for (band_rows, threads) in [(1, 4), (7, 1), (64, 2), (150, 1)] {
            let paper = Paper::default();
            let writer = RawWriter::new(paper.clone(), output).unwrap();
            run_on(&file, &chain, Box::new(writer), Resources::threads(threads).with_band_rows(band_rows)).unwrap();
            let raw = std::mem::take(&mut *paper.0.lock());
            assert!(
                raw_samples(&raw, output) == expected,
                "{steps:?} in bands of {band_rows} rows by {threads} threads"
            );
        }
    }
}

#[test]
fn a_cut_input_never_becomes_a_whole_output() {
    let (info, bytes) = picture();
    let file = png(info, &bytes);
    let ends = [file.len() / 2, file.len() - 13, file.len() - 12, file.len() - 1];
    for (step, end) in
        ["grayscale", "rotate", "contrast", "canny"].into_iter().flat_map(|step| ends.map(|end| (step, end)))
    {
        let chain = Chain::parse(&[step], 1).unwrap();
        let paper = Paper::default();
        // Rows of this kind have no end of their own: they are whole as soon as the last one is written.
        let writer = RawWriter::new(paper.clone(), output_info(&chain, info).unwrap()).unwrap();
        let error =
            run_on(&file[..end], &chain, Box::new(writer), Resources::threads(2).with_band_rows(16)).unwrap_err();
        assert!(matches!(error, RunError::Read(_)), "{error}");
        let raw = std::mem::take(&mut *paper.0.lock());
        let mut rows = RawRows::open(&raw[..]).unwrap();
        let mut row = vec![0; rows.info().row_bytes()];
        let whole = (0..rows.info().size.height).try_for_each(|_| rows.read_row(&mut row)).and_then(|()| rows.finish());
        assert!(whole.is_err());
    }
}
