//! Every operation against golden results of the reference program, whole and in tiles.
//!
//! `tests/fixtures/make.py REFERENCE` writes the golden results anew; it and this file draw the same
//! pictures from integers.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::{GrayImage, ImageBuffer, Luma};
use sha2::{Digest, Sha256};
use tessera::operation::{Chain, Margins, TileInput};
use tessera::picture::png::PngRows;
use tessera::picture::rows::RowReader;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};
use tessera::tiling::Grid;

/// Tiles with a halo wider than this would be computed many times over.
const WIDEST_HALO_IN_TILES: u32 = 31;
const TILE: Size = Size { width: 208, height: 144 };

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

/// The same picture as `draw` in `make.py`.
fn draw(info: PictureInfo) -> Vec<u8> {
    let channels = info.format.layout.channels() as u32;
    let mut bytes = Vec::with_capacity(info.bytes() as usize);
    for y in 0..info.size.height {
        for x in 0..info.size.width {
            for c in 0..channels {
                let value = sample(x, y, c);
                match info.format.depth {
                    Depth::Eight => bytes.push((value >> 8) as u8),
                    Depth::Sixteen => bytes.extend_from_slice(&(value as u16).to_le_bytes()),
                }
            }
        }
    }
    bytes
}

fn sample(x: u32, y: u32, c: u32) -> u32 {
    let mix = [(x, 374761393), (y, 668265263), (c, 2246822519)].map(|(value, factor)| value.wrapping_mul(factor));
    let noise = mix.into_iter().fold(362437u32, u32::wrapping_add);
    let noise = (noise ^ (noise >> 13)).wrapping_mul(1274126177);
    let noise = (noise ^ (noise >> 16)) & 0xffff;
    let slope = (x * (211 + 97 * c) + y * 173) & 0x1ffff;
    let slope = if slope > 0xffff { 0x1ffff - slope } else { slope };
    match (x / 37 + y / 23 + c) % 7 {
        0 => 0xffff,
        1 => 0,
        2 => noise,
        _ => (6 * slope + 2 * noise) / 8,
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn whole(chain: &Chain, info: PictureInfo, bytes: &[u8]) -> Result<Pixels> {
    let rect = Rect { x: 0, y: 0, width: info.size.width, height: info.size.height };
    let pixels = Pixels::from_bytes(info, bytes.to_vec())?;
    Ok(chain.run(TileInput { pixels, rect, margins: Margins::default(), picture: info })?)
}

/// The bytes of the result, put together from tiles.
fn tiled(chain: &Chain, info: PictureInfo, bytes: &[u8]) -> Result<Vec<u8>> {
    let output = PictureInfo { format: chain.output(info.format)?, ..info };
    let mut result = vec![0; output.bytes() as usize];
    let grid = Grid::new(info.size, TILE);
    for rect in (0..grid.tiles()).filter_map(|index| grid.rect(index)) {
        let margins = grid.margins(rect, chain.halo());
        let input = Grid::with_margins(rect, margins);
        let pixel = info.format.bytes_per_pixel();
        let columns = input.x as usize * pixel..input.right() as usize * pixel;
        let rows = input.y..input.bottom();
        let cut = rows.flat_map(|y| &bytes[y as usize * info.row_bytes()..][columns.clone()]).copied().collect();
        let pixels = Pixels::from_bytes(PictureInfo { size: input.size(), ..info }, cut)?;
        let tile = chain.run(TileInput { pixels, rect, margins, picture: info })?.into_bytes();
        let pixel = output.format.bytes_per_pixel();
        for (row, y) in tile.chunks_exact(rect.width as usize * pixel).zip(rect.y..) {
            let start = y as usize * output.row_bytes() + rect.x as usize * pixel;
            result[start..start + row.len()].copy_from_slice(row);
        }
    }
    Ok(result)
}

fn check(golden: &Golden<'_>) -> Result<()> {
    let bytes = draw(golden.info);
    ensure!(digest(&bytes) == golden.drawn, "the picture is not drawn as make.py draws it");
    let chain = Chain::parse(&golden.chain, 16)?;
    ensure!(digest(&whole(&chain, golden.info, &bytes)?.into_bytes()) == golden.result, "the whole picture differs");
    if chain.halo() <= WIDEST_HALO_IN_TILES {
        ensure!(digest(&tiled(&chain, golden.info, &bytes)?) == golden.result, "the tiles differ");
    }
    Ok(())
}

#[test]
fn results_are_those_of_the_reference_whole_and_in_tiles() {
    let lines: Vec<&str> = include_str!("fixtures/golden.tsv").lines().collect();
    assert_eq!(lines.len(), 4 * 2 * 5 * 22);
    for line in lines {
        parse(line).and_then(|golden| check(&golden)).with_context(|| line.to_owned()).unwrap();
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
        for (step, short) in [("grayscale", "grayscale"), ("gaussian_blur:ksize=5", "gaussian")] {
            let chain = Chain::parse(&[step], 1).unwrap();
            let result = whole(&chain, info, &bytes).unwrap();
            let expected = read(&format!("{name}.{short}")).unwrap();
            assert_eq!((result.info(), result.into_bytes()), expected, "{name}: {step}");
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
    let chain = Chain::parse(&["gaussian_blur:ksize=7"], 1).unwrap();
    let ours = whole(&chain, info, &bytes).unwrap().into_bytes();
    for y in 3..67 {
        for x in 3..87 {
            assert_eq!(theirs.get_pixel(x, y)[0], ours[(y * 90 + x) as usize], "at {x},{y}");
        }
    }
}
