//! Speed of the kernels on a 512 x 512 tile with its halo, and of whole PNG jobs in one process.
//!
//! `cargo bench --bench kernels [FILE.png]`: median of several runs, megapixels per second of CPU and
//! CPU seconds per megapixel. Compare ratios of one run, never figures of different machines.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context, Result};
use tessera::operation::{Chain, Margins, TileInput};
use tessera::picture::png::{PngRows, PngWriter};
use tessera::picture::rows::{ReadError, RowReader};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};
use tessera::pipeline;

const TILE: u32 = 512;
const RUNS: usize = 15;

fn main() -> Result<()> {
    keep_freed_memory();
    let texts = [
        "grayscale",
        "invert",
        "gaussian_blur:ksize=3",
        "gaussian_blur:ksize=5",
        "gaussian_blur:ksize=15",
        "gaussian_blur:ksize=51",
        "gaussian_blur:ksize=99",
        "sharpen",
        "sobel",
    ];
    for (layout, depth) in [(Layout::Rgb, Depth::Eight), (Layout::Gray, Depth::Eight), (Layout::Rgb, Depth::Sixteen)] {
        for text in texts {
            let taken = tile(text, PixelFormat { layout, depth })?;
            let rate = f64::from(TILE * TILE) / 1e6 / taken.as_secs_f64();
            println!("{text:24} {layout:?} {:2} bit  {rate:8.1} MP/s  {:.5} s/MP", depth.bits(), 1.0 / rate);
        }
    }
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else { return Ok(()) };
    for texts in [&["grayscale"][..], &["gaussian_blur:ksize=51"], &["invert"]] {
        job(&path, texts)?;
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

/// User and system time of this process: steadier than the clock on a machine with other work.
fn cpu_time() -> Duration {
    // SAFETY: the structure is plain numbers, and is filled by the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn tile(text: &str, format: PixelFormat) -> Result<Duration> {
    let chain = Chain::parse(&[text], 1)?;
    let halo = chain.halo();
    let side = TILE + 2 * halo;
    let picture = PictureInfo { size: Size { width: 4096, height: 4096 }, format };
    let info = PictureInfo { size: Size { width: side, height: side }, format };
    let bytes: Vec<u8> = (0..info.bytes()).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    let rect = Rect { x: 1024, y: 1024, width: TILE, height: TILE };
    let margins = Margins { left: halo, top: halo, right: halo, bottom: halo };
    let run = || {
        let pixels = Pixels::from_bytes(info, bytes.clone())?;
        std::hint::black_box(chain.run(TileInput { pixels, rect, margins, picture })?);
        Ok(())
    };
    median(run, RUNS)
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
