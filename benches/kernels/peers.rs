//! The same in the crates `image` and `imageproc`, where they have it: how fast, and how many samples come out
//! otherwise than ours.

use anyhow::{Context, Result};
use criterion::{BatchSize, Criterion, Throughput};
use image::{GrayImage, RgbImage, imageops};
use imageproc::contrast::{self, ThresholdType};
use imageproc::kernel::Kernel;
use imageproc::morphology::{Mask, grayscale_dilate};
use imageproc::{edges, filter, gradients};
use tessera::operation::{Chain, Margins, Step, TileInput};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};

use crate::{CpuTime, TILE, TILES_A_TURN, drawn};

/// Samples this near to the edge are not compared: there the crates have border rules of their own.
const EDGE: u32 = 32;

/// A step, and its result by one of the crates; `P` is a picture of theirs.
type Peer<P> = (&'static str, fn(P) -> Vec<u8>);

const GRAY: [Peer<GrayImage>; 20] = [
    ("invert", inverted),
    ("threshold", |picture| contrast::threshold(&picture, 127, ThresholdType::Binary).into_raw()),
    ("otsu", |picture| contrast::threshold(&picture, contrast::otsu_level(&picture), ThresholdType::Binary).into_raw()),
    ("equalize", |picture| contrast::equalize_histogram(&picture).into_raw()),
    ("gaussian_blur:ksize=3", |picture| filter::gaussian_blur_f32(&picture, 0.8).into_raw()),
    ("gaussian_blur:ksize=5", |picture| filter::gaussian_blur_f32(&picture, 1.1).into_raw()),
    ("gaussian_blur:ksize=51", |picture| filter::gaussian_blur_f32(&picture, 8.0).into_raw()),
    ("box_blur:ksize=5", |picture| filter::box_filter(&picture, 2, 2).into_raw()),
    ("box_blur:ksize=31", |picture| filter::box_filter(&picture, 15, 15).into_raw()),
    ("median_blur:ksize=3", |picture| filter::median_filter(&picture, 1, 1).into_raw()),
    ("median_blur:ksize=5", |picture| filter::median_filter(&picture, 2, 2).into_raw()),
    ("median_blur:ksize=15", |picture| filter::median_filter(&picture, 7, 7).into_raw()),
    ("sharpen", |picture| filter::filter_clamped(&picture, Kernel::new(&SHARPEN, 3, 3)).into_raw()),
    ("sobel", |picture| gradients::sobel_gradients(&picture).iter().map(|value| (*value).min(255) as u8).collect()),
    ("canny", |picture| edges::canny(&picture, 100.0, 200.0).into_raw()),
    ("dilate:ksize=3", |picture| grayscale_dilate(&picture, &Mask::square(1)).into_raw()),
    ("dilate:ksize=15", |picture| grayscale_dilate(&picture, &Mask::square(7)).into_raw()),
    ("rotate:degrees=90", |picture| imageops::rotate90(&picture).into_raw()),
    ("rotate:degrees=180", |picture| imageops::rotate180(&picture).into_raw()),
    ("flip:axis=h", |picture| imageops::flip_horizontal(&picture).into_raw()),
];
const RGB: [Peer<RgbImage>; 7] = [
    ("grayscale", |picture| imageops::grayscale(&picture).into_raw()),
    ("gaussian_blur:ksize=51", |picture| filter::gaussian_blur_f32(&picture, 8.0).into_raw()),
    ("median_blur:ksize=3", |picture| filter::median_filter(&picture, 1, 1).into_raw()),
    ("median_blur:ksize=5", |picture| filter::median_filter(&picture, 2, 2).into_raw()),
    ("rotate:degrees=90", |picture| imageops::rotate90(&picture).into_raw()),
    ("rotate:degrees=180", |picture| imageops::rotate180(&picture).into_raw()),
    ("flip:axis=h", |picture| imageops::flip_horizontal(&picture).into_raw()),
];
const SHARPEN: [i32; 9] = [-1, -1, -1, -1, 9, -1, -1, -1, -1];

fn inverted(mut picture: GrayImage) -> Vec<u8> {
    imageops::invert(&mut picture);
    picture.into_raw()
}

/// One row each.
pub fn measure(criterion: &mut Criterion<CpuTime>) -> Result<()> {
    rows(criterion, "image 1x8", gray()?, &GRAY);
    rows(criterion, "image 3x8", rgb()?, &RGB);
    Ok(())
}

fn rows<P: Clone>(criterion: &mut Criterion<CpuTime>, name: &str, picture: P, peers: &[Peer<P>]) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(u64::from(TILE * TILE)));
    for (step, run) in peers {
        group.bench_function(*step, |bencher| {
            bencher.iter_batched(|| picture.clone(), run, BatchSize::NumIterations(TILES_A_TURN));
        });
    }
}

/// Prints each row's name and the share of samples that differ from ours, in percent.
pub fn print_differences() -> Result<()> {
    let (gray, rgb) = (gray()?, rgb()?);
    for (step, run) in GRAY {
        println!("image 1x8/{step}\t{:.2}", differing(step, Layout::Gray, gray.as_raw(), &run(gray.clone()))?);
    }
    for (step, run) in RGB {
        println!("image 3x8/{step}\t{:.2}", differing(step, Layout::Rgb, rgb.as_raw(), &run(rgb.clone()))?);
    }
    Ok(())
}

fn differing(text: &str, layout: Layout, bytes: &[u8], theirs: &[u8]) -> Result<f64> {
    let (mut step, format) = (text.parse::<Step>()?, PixelFormat { layout, depth: Depth::Eight });
    let size = Size { width: TILE, height: TILE };
    let picture = PictureInfo { size, format };
    let pixels = Pixels::from_bytes(picture, bytes.to_vec())?;
    if let Some(statistic) = step.statistic() {
        step = step.with_numbers(&statistic.resolve(format, &statistic.measure(&pixels)?))?;
    }
    let rect = Rect { x: 0, y: 0, width: TILE, height: TILE };
    let tile = TileInput { pixels, rect, margins: Margins::default(), picture };
    let ours = Chain::new(vec![step]).run(tile)?;
    let row = TILE as usize * ours.format().layout.channels();
    let inner = |bytes: &[u8]| -> Vec<u8> {
        let rows = bytes.chunks_exact(row).skip(EDGE as usize).take((TILE - 2 * EDGE) as usize);
        rows.flat_map(|bytes| &bytes[row / 16..row - row / 16]).copied().collect()
    };
    let (ours, theirs) = (inner(&ours.into_bytes()), inner(theirs));
    // Their map of edges is white or black, ours is not linked yet: strong is white.
    let ours = ours.iter().map(|value| if text == "canny" { 255 * (value & 2) / 2 } else { *value });
    Ok(100.0 * ours.zip(&theirs).filter(|(ours, theirs)| ours != *theirs).count() as f64 / theirs.len() as f64)
}

fn gray() -> Result<GrayImage> {
    GrayImage::from_raw(TILE, TILE, drawn::draw(info(Layout::Gray))).context("a gray tile")
}

fn rgb() -> Result<RgbImage> {
    RgbImage::from_raw(TILE, TILE, drawn::draw(info(Layout::Rgb))).context("a tile in colour")
}

fn info(layout: Layout) -> PictureInfo {
    PictureInfo { size: Size { width: TILE, height: TILE }, format: PixelFormat { layout, depth: Depth::Eight } }
}
