//! Speed of the kernels on a tile of 512 x 512 with its halo, in CPU time: one row for each operation, and others
//! where other parameters run other code. `benches/opencv.py` knows the same steps and sets OpenCV beside them.

#[path = "../../tests/fixtures/drawn.rs"]
mod drawn;
mod peers;

use std::time::Duration;

use anyhow::Result;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Bencher, BenchmarkId, Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};
use tessera::operation::{Chain, Margins, Step, TileInput};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};

const TILE: u32 = 512;
const TILES_A_TURN: u64 = 4;
const FORMATS: [(Layout, Depth); 3] =
    [(Layout::Rgb, Depth::Eight), (Layout::Gray, Depth::Eight), (Layout::Rgb, Depth::Sixteen)];
const STEPS: [&str; 51] = [
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
    "dilate:ksize=5",
    "dilate:ksize=15",
    "dilate:ksize=63",
    "erode:ksize=3",
    "erode:ksize=5",
    "erode:ksize=15",
    "open:ksize=5",
    "close:ksize=5",
    "gradient:ksize=3",
    "rotate:degrees=90",
    "rotate:degrees=180",
    "flip:axis=h",
    "flip:axis=v",
    "pixelate",
    "sketch",
    "cartoon",
];

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--differences") {
        return peers::print_differences();
    }
    keep_freed_memory();
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime(WallTime))
        .sample_size(20)
        .nresamples(1000)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .without_plots()
        .configure_from_args();
    for (layout, depth) in FORMATS {
        let mut group = criterion.benchmark_group(format!("{}x{}", layout.channels(), depth.bits()));
        group.throughput(Throughput::Elements(u64::from(TILE * TILE)));
        for text in STEPS {
            let (step, format) = (text.parse::<Step>()?, PixelFormat { layout, depth });
            // Depths that an operation does not take are left out.
            if step.output(format).is_ok() {
                let id = BenchmarkId::from_parameter(text);
                group.bench_function(id, |bencher| {
                    tile(bencher, &step, format).unwrap_or_else(|error| panic!("{error}"))
                });
            }
        }
    }
    peers::measure(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Buffers of this size would be given back to the system and faulted in again for each tile, which costs as much as
/// a kernel.
fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets two numbers of the allocator, before other threads are there.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}

/// Runs a step on tiles; for a statistic, measures it and then uses it.
fn tile(bencher: &mut Bencher<'_, CpuTime>, step: &Step, format: PixelFormat) -> Result<()> {
    let (halo, picture) = (step.halo(), PictureInfo { size: Size { width: 4096, height: 4096 }, format });
    let side = TILE + 2 * halo;
    let info = PictureInfo { size: Size { width: side, height: side }, format };
    let pixels = Pixels::from_bytes(info, drawn::draw(info))?;
    let rect = Rect { x: 1024, y: 1024, width: TILE, height: TILE };
    let margins = Margins { left: halo, top: halo, right: halo, bottom: halo };
    let run = |pixels: Pixels| -> Result<Pixels> {
        let step = match step.statistic() {
            Some(statistic) => step.with_numbers(&statistic.resolve(format, &statistic.measure(&pixels)?))?,
            None => step.clone(),
        };
        Ok(Chain::new(vec![step]).run(TileInput { pixels, rect, margins, picture })?)
    };
    run(pixels.clone())?;
    bencher.iter_batched(|| pixels.clone(), |pixels| run(pixels).ok(), BatchSize::NumIterations(TILES_A_TURN));
    Ok(())
}

/// CPU time of this process: steadier than the clock on a machine with other work.
struct CpuTime(WallTime);

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}
