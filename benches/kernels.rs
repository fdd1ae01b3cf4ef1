//! Speed of the kernels on a 512 x 512 tile with its halo, and of whole PNG jobs in one process.
//!
//! `cargo bench --bench kernels`: step, channels, depth and megapixels per second of CPU, the median of several runs;
//! `benches/opencv.py` runs it beside OpenCV. `cargo bench --bench kernels -- FILE.png`: CPU seconds per megapixel of
//! whole jobs. Compare ratios of one run, never figures of different machines.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context, Result};
use tessera::operation::{Chain, Margins, Step, TileInput};
use tessera::picture::png::{PngRows, PngWriter};
use tessera::picture::rows::{ReadError, RowReader};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};
use tessera::pipeline;

const TILE: u32 = 512;
const RUNS: usize = 9;
const TILES_A_RUN: usize = 4;

/// One row each: every operation, and other parameters where other code runs. `benches/opencv.py` knows the same.
const STEPS: [&str; 47] = [
    "grayscale",
    "invert",
    "brightness",
    "contrast",
    "saturation",
    "gamma",
    "threshold",
    "otsu",
    "equalize",
    "autocontrast",
    "posterize",
    "sepia",
    "gaussian_blur:ksize=3",
    "gaussian_blur:ksize=5",
    "gaussian_blur:ksize=15",
    "gaussian_blur:ksize=51",
    "gaussian_blur:ksize=99",
    "box_blur:ksize=3",
    "box_blur:ksize=5",
    "box_blur:ksize=31",
    "median_blur:ksize=3",
    "median_blur:ksize=5",
    "median_blur:ksize=15",
    "median_blur:ksize=51",
    "bilateral",
    "sharpen",
    "unsharp",
    "emboss",
    "filter2d:kernel=1/2/3/4/5/6/7/8/9",
    "filter2d:kernel=1/4/6/4/1/4/16/24/16/4/6/24/36/24/6/4/16/24/16/4/1/4/6/4/1,divisor=256",
    "sobel",
    "laplacian",
    "canny",
    "canny:low=100,high=200,l2=1",
    "dilate:ksize=3",
    "dilate:ksize=15",
    "dilate:ksize=63",
    "erode:ksize=3",
    "open:ksize=5",
    "close:ksize=5",
    "gradient:ksize=3",
    "rotate:degrees=90",
    "rotate:degrees=180",
    "flip:axis=h",
    "pixelate",
    "sketch",
    "cartoon",
];

fn main() -> Result<()> {
    keep_freed_memory();
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if let Some(path) = path {
        return [&["grayscale"][..], &["gaussian_blur:ksize=51"], &["invert"]]
            .iter()
            .try_for_each(|texts| job(&path, texts));
    }
    for (layout, depth) in [(Layout::Rgb, Depth::Eight), (Layout::Gray, Depth::Eight), (Layout::Rgb, Depth::Sixteen)] {
        let format = PixelFormat { layout, depth };
        for text in STEPS {
            let step: Step = text.parse()?;
            // Depths that an operation does not take are left out.
            if step.output(format).is_ok() {
                let rate = f64::from(TILE * TILE) / 1e6 / tile(&step, format)?.as_secs_f64();
                println!("{text}\t{}\t{}\t{rate:.1}", layout.channels(), depth.bits());
            }
        }
    }
    Ok(())
}

/// Buffers of this size would be given back to the system and faulted in again for each tile, which costs
/// as much as a kernel.
fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets two numbers of the allocator, before other threads are there.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}

fn median(mut run: impl FnMut() -> Result<()>, runs: usize) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..=runs {
        let start = cpu_time();
        run()?;
        times.push(cpu_time() - start);
    }
    times.remove(0);
    times.sort();
    Ok(times[runs / 2])
}

/// CPU time of this process: steadier than the clock on a machine with other work.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the numbers it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time of a step on a tile; for a statistic, that of measuring and then using it.
fn tile(step: &Step, format: PixelFormat) -> Result<Duration> {
    let halo = step.halo();
    let side = TILE + 2 * halo;
    let picture = PictureInfo { size: Size { width: 4096, height: 4096 }, format };
    let pixels =
        Pixels::from_bytes(PictureInfo { size: Size { width: side, height: side }, format }, draw(side, format))?;
    let rect = Rect { x: 1024, y: 1024, width: TILE, height: TILE };
    let margins = Margins { left: halo, top: halo, right: halo, bottom: halo };
    let mut times = Vec::new();
    for _ in 0..=RUNS {
        let inputs: Vec<Pixels> = std::iter::repeat_n(pixels.clone(), TILES_A_RUN).collect();
        let start = cpu_time();
        for pixels in inputs {
            let step = match step.statistic() {
                Some(statistic) => step.with_numbers(&statistic.resolve(format, &statistic.measure(&pixels)?))?,
                None => step.clone(),
            };
            std::hint::black_box(Chain::new(vec![step]).run(TileInput { pixels, rect, margins, picture })?);
        }
        times.push((cpu_time() - start) / TILES_A_RUN as u32);
    }
    times.remove(0);
    times.sort();
    Ok(times[RUNS / 2])
}

/// The picture that `tests/fixtures/make.py` draws: slopes, hard edges, noise.
fn draw(side: u32, format: PixelFormat) -> Vec<u8> {
    let channels = format.layout.channels() as u32;
    let places = (0..side).flat_map(|y| (0..side).flat_map(move |x| (0..channels).map(move |c| (x, y, c))));
    let samples = places.map(|(x, y, c)| {
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
    });
    match format.depth {
        Depth::Eight => samples.map(|sample| (sample >> 8) as u8).collect(),
        Depth::Sixteen => samples.flat_map(|sample| (sample as u16).to_le_bytes()).collect(),
    }
}

fn job(path: &str, texts: &[&str]) -> Result<()> {
    let chain = Chain::parse(texts, 16)?;
    let open = || -> Result<_> { Ok(PngRows::open(BufReader::with_capacity(1 << 16, File::open(path)?))?) };
    let info = open().context("opening the picture")?.info();
    let decode = || {
        let mut rows = open()?;
        let mut row = vec![0; info.row_bytes()];
        (0..info.size.height).try_for_each(|_| rows.read_row(&mut row))?;
        Ok(rows.finish()?)
    };
    let run = || {
        let writer = PngWriter::new(std::io::sink(), pipeline::output_info(&chain, info)?)?;
        let mut again = || {
            let file = File::open(path).map_err(|error| ReadError::Header(error.to_string()))?;
            Ok(Box::new(PngRows::open(BufReader::with_capacity(1 << 16, file))?) as Box<dyn RowReader>)
        };
        let mut make_aside = || Err(std::io::ErrorKind::Unsupported.into());
        Ok(pipeline::run(&mut again, &chain, Box::new(writer), &mut make_aside, pipeline::BAND_ROWS)?)
    };
    let megapixels = info.size.pixels() as f64 / 1e6;
    let (decode, run) = (median(decode, 5)?.as_secs_f64(), median(run, 5)?.as_secs_f64());
    println!("PNG {texts:?}: {:.5} s/MP, of it decoding {:.5}", run / megapixels, decode / megapixels);
    Ok(())
}
