//! Every operation against golden results of the reference program, whole and in tiles.
//!
//! `tests/fixtures/make.py REFERENCE` writes the golden results again; it and this file draw the same
//! pictures from integers.

#[path = "fixtures/drawn.rs"]
mod drawn;
#[path = "exactness/picture.rs"]
mod picture;

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use drawn::draw;
use image::{GrayImage, ImageBuffer, Luma};
use picture::Picture;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tessera::operation::{Chain, Step, registry};
use tessera::picture::png::PngRows;
use tessera::picture::rows::RowReader;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// Tiles with a halo wider than this would be computed many times over.
const WIDEST_HALO_IN_TILES: u32 = 31;
/// Neither side of a picture is a multiple of these.
const ODD: Size = Size { width: 208, height: 144 };

/// One line of the golden results.
struct Golden<'a> {
    info: PictureInfo,
    chain: Vec<&'a str>,
    drawn: &'a str,
    result: &'a str,
}

fn parse(line: &str) -> Result<Golden<'_>> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [width, height, channels, depth, chain, drawn, result] = fields[..] else {
        anyhow::bail!("a golden result has seven fields: {line}");
    };
    let layout = Layout::from_channels(channels.parse()?).context("a layout")?;
    let depth = if depth == "8" { Depth::Eight } else { Depth::Sixteen };
    let info = PictureInfo {
        size: Size { width: width.parse()?, height: height.parse()? },
        format: PixelFormat { layout, depth },
    };
    Ok(Golden { info, chain: chain.split(' ').collect(), drawn, result })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Small tiles for small pictures, so that there are many seams; the whole picture in one where its halo is wide.
fn tiles(info: PictureInfo, halo: u32) -> Vec<Size> {
    let square = |side| Size { width: side, height: side };
    let [small, usual] = [64, 512].map(square);
    match info.size {
        size if size.width > 1000 => vec![usual],
        size if size.width > 500 && halo <= WIDEST_HALO_IN_TILES => vec![size, small, ODD],
        size if size.width > 500 => vec![size],
        size => vec![size, ODD],
    }
}

fn check(golden: &Golden<'_>, picture: &Picture) -> Result<()> {
    let steps: Vec<Step> = golden.chain.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    for tile in tiles(golden.info, Chain::new(steps.clone()).halo()) {
        let result = picture.clone().after(&steps, tile)?;
        ensure!(digest(&result.bytes) == golden.result, "tiles of {}x{} differ", tile.width, tile.height);
    }
    Ok(())
}

#[test]
fn results_are_those_of_the_reference_whole_and_in_tiles() {
    let lines: Vec<Golden<'_>> = include_str!("fixtures/golden.tsv").lines().map(|line| parse(line).unwrap()).collect();
    let names: HashSet<&str> = lines.iter().flat_map(|golden| &golden.chain).map(|step| name(step)).collect();
    assert!(registry().iter().all(|definition| names.contains(definition.name)), "an operation has no golden result");
    // Lines of the same picture follow each other.
    for group in lines.chunk_by(|one, next| one.drawn == next.drawn) {
        let info = group[0].info;
        let picture = Picture { info, bytes: draw(info) };
        assert_eq!(digest(&picture.bytes), group[0].drawn, "the picture is not drawn as make.py draws it");
        for golden in group {
            check(golden, &picture).with_context(|| format!("{:?} of {info:?}", golden.chain)).unwrap();
        }
    }
}

fn name(step: &str) -> &str {
    step.split(':').next().unwrap_or(step)
}

/// Chains of steps with a halo that tiles of 16 pixels can bear.
fn steps() -> impl Strategy<Value = Vec<&'static str>> {
    let known = [
        "grayscale",
        "sepia",
        "saturation",
        "gamma:value=3",
        "gaussian_blur:ksize=7",
        "box_blur:ksize=5",
        "median_blur:ksize=3",
        "median_blur:ksize=5",
        "sharpen",
        "gaussian_blur:ksize=9,alpha=separate",
        "box_blur:ksize=17",
        "unsharp",
        "unsharp:ksize=3,amount=3,alpha=separate",
        "emboss",
        "sobel",
        "laplacian:ksize=1",
        "dilate:ksize=5",
        "close",
        "gradient",
        "pixelate:block=5",
        "pixelate:block=3,alpha=separate",
        "rotate",
        "flip:axis=v",
        "contrast",
        "otsu",
        "autocontrast",
        "filter2d:kernel=1/2/3/4/5/6/7/8/9,divisor=45",
    ];
    proptest::collection::vec(proptest::sample::select(known.to_vec()), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn tiles_of_any_chain_give_the_whole(
        steps in steps(), channels in 1usize..5, deep: bool,
        (width, height) in (1u32..90, 1u32..60), (across, down) in (1u32..5, 1u32..5),
    ) {
        let format = PixelFormat {
            layout: Layout::from_channels(channels).unwrap(),
            depth: if deep { Depth::Sixteen } else { Depth::Eight },
        };
        let info = PictureInfo { size: Size { width, height }, format };
        let picture = Picture { info, bytes: draw(info) };
        let steps: Vec<Step> = steps.iter().map(|text| text.parse().unwrap()).collect();
        let whole = picture.clone().after(&steps, info.size).unwrap();
        let tiled = picture.after(&steps, Size { width: 16 * across, height: 16 * down }).unwrap();
        prop_assert!(whole == tiled, "{steps:?} on {info:?}");
    }
}

fn read(name: &str) -> Result<(PictureInfo, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.png"));
    let mut rows = PngRows::open(BufReader::new(File::open(path)?))?;
    let info = rows.info();
    let mut bytes = vec![0; info.bytes() as usize];
    bytes.chunks_exact_mut(info.row_bytes()).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok((info, bytes))
}

#[test]
fn files_of_another_encoder_are_read_and_their_results_equal() {
    for name in ["rgb8", "gray8", "rgba8", "graya16", "rgb16"] {
        let (info, bytes) = read(name).unwrap();
        assert_eq!(bytes, draw(info), "{name}");
        let picture = Picture { info, bytes };
        for (step, short) in [("grayscale", "grayscale"), ("gaussian_blur:ksize=5", "gaussian")] {
            let result = picture.clone().after(&[step.parse().unwrap()], info.size).unwrap();
            let expected = read(&format!("{name}.{short}")).unwrap();
            assert_eq!((result.info, result.bytes), expected, "{name}: {step}");
        }
    }
}

#[test]
fn imageproc_blurs_the_inside_alike() {
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width: 90, height: 70 }, format };
    let bytes = draw(info);
    let taps = [8, 28, 56, 72, 56, 28, 8];
    let kernel: Vec<i32> = taps.iter().flat_map(|down| taps.map(|across| down * across)).collect();
    let picture = GrayImage::from_raw(90, 70, bytes.clone()).unwrap();
    let kernel = imageproc::kernel::Kernel::new(&kernel, 7, 7);
    let theirs: ImageBuffer<Luma<u8>, Vec<u8>> =
        imageproc::filter::filter(&picture, kernel, |sum: i32| ((sum + (1 << 15)) >> 16) as u8);
    let step = "gaussian_blur:ksize=7".parse().unwrap();
    let ours = Picture { info, bytes }.after(&[step], info.size).unwrap().bytes;
    for y in 3..67 {
        for x in 3..87 {
            assert_eq!(theirs.get_pixel(x, y)[0], ours[(y * 90 + x) as usize], "at {x},{y}");
        }
    }
}
