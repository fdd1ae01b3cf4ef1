//! Every operation against golden results of the reference program, whole and in tiles.
//!
//! `tests/fixtures/make.py REFERENCE` writes the golden results again; it and this file draw the same
//! pictures from integers.

#[path = "fixtures/drawn.rs"]
mod drawn;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use drawn::draw;
use image::{GrayImage, ImageBuffer, Luma};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tessera::linking::Linker;
use tessera::operation::{Chain, Kind, Statistic, Step, TileInput, registry};
use tessera::picture::png::PngRows;
use tessera::picture::rows::RowReader;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};
use tessera::tiling::Grid;

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

/// A picture in memory.
#[derive(Clone, PartialEq)]
struct Picture {
    info: PictureInfo,
    bytes: Vec<u8>,
}

impl Picture {
    /// A part of it.
    fn cut(&self, rect: Rect) -> Result<Pixels> {
        let pixel = self.info.format.bytes_per_pixel();
        let columns = rect.x as usize * pixel..rect.right() as usize * pixel;
        let row = |y: u32| &self.bytes[y as usize * self.info.row_bytes()..][columns.clone()];
        let bytes = (rect.y..rect.bottom()).flat_map(row).copied().collect();
        Ok(Pixels::from_bytes(PictureInfo { size: rect.size(), ..self.info }, bytes)?)
    }

    /// The picture after steps, put together from tiles: as the services do it, but for the way between them.
    fn after(mut self, steps: &[Step], tile: Size) -> Result<Self> {
        let mut local = Vec::new();
        for step in steps {
            if let Some(statistic) = step.statistic() {
                self = self.after_local(std::mem::take(&mut local), tile)?;
                local.push(step.with_numbers(&self.measured(statistic, tile)?)?);
            } else {
                local.push(step.clone());
            }
            if step.definition().kind == Kind::GlobalLinking {
                self = self.after_local(std::mem::take(&mut local), tile)?;
                self.link(tile.height as usize)?;
            }
        }
        self.after_local(local, tile)
    }

    /// The numbers of the whole picture, measured on tiles.
    fn measured(&self, statistic: &dyn Statistic, tile: Size) -> Result<Vec<i64>> {
        let grid = Grid::new(self.info.size, tile);
        let mut total: Option<Vec<u64>> = None;
        for rect in (0..grid.tiles()).filter_map(|index| grid.rect(index)) {
            let partial = statistic.measure(&self.cut(rect)?)?;
            ensure!(partial.len() == statistic.length(self.info.format), "a statistic of another length");
            match &mut total {
                Some(total) => statistic.merge(total, &partial),
                None => total = Some(partial),
            }
        }
        Ok(statistic.resolve(self.info.format, &total.context("a tile")?))
    }

    fn after_local(self, steps: Vec<Step>, tile: Size) -> Result<Self> {
        if steps.is_empty() {
            return Ok(self);
        }
        let chain = Chain::new(steps);
        let turn = chain.turn();
        let size = turn.size(self.info.size);
        let info = PictureInfo { size, format: chain.output(self.info.format)? };
        let mut result = Self { info, bytes: vec![0; info.bytes() as usize] };
        let grid = Grid::new(self.info.size, tile);
        for rect in (0..grid.tiles()).filter_map(|index| grid.rect(index)) {
            let margins = grid.margins(rect, chain.halo());
            let pixels = self.cut(Grid::with_margins(rect, margins))?;
            let tile = chain.run(TileInput { pixels, rect, margins, picture: self.info })?;
            result.put(turn.rect(rect, self.info.size), &tile.into_bytes());
        }
        Ok(result)
    }

    fn put(&mut self, rect: Rect, tile: &[u8]) {
        let pixel = self.info.format.bytes_per_pixel();
        for (row, y) in tile.chunks_exact(rect.width as usize * pixel).zip(rect.y..) {
            let start = y as usize * self.info.row_bytes() + rect.x as usize * pixel;
            self.bytes[start..start + row.len()].copy_from_slice(row);
        }
    }

    /// Joins maps over their seams, in strips of so many rows.
    fn link(&mut self, rows: usize) -> Result<()> {
        let strip = self.info.row_bytes() * rows;
        let channels = self.info.format.layout.channels();
        let mut linker = Linker::new(self.info.size.width, channels, Cursor::new(Vec::new()));
        self.bytes.chunks(strip).try_for_each(|strip| linker.add(strip))?;
        let mut settler = linker.finish()?;
        Ok(self.bytes.chunks_mut(strip).try_for_each(|strip| settler.settle(strip))?)
    }
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
