//! `tessera bench`: figures of the running system, held against one process doing the same.

mod compare;
mod latency;
mod memory;
mod picture;
mod processes;
mod reference;
mod report;
mod scale;
mod scene;
mod small;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::CtlError;
use crate::api::Api;
use crate::output;
use compare::Case;
use processes::{Process, System};
use report::Report;
use scene::{Scene, SceneKind};
use tessera::config::{KafkaArgs, RedisArgs};
use tessera::picture::Size;

/// Measure the running system.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Job(JobArgs),
    Memory(MemoryArgs),
    Picture(PictureArgs),
    Scale(ScaleArgs),
    Small(SmallArgs),
}

/// Make a picture that measurements use, the same one each time.
#[derive(clap::Args, Debug)]
struct PictureArgs {
    /// Its sides in pixels, one number for a square; up to 100000, in a JPEG 65535.
    #[arg(value_name = "SIDE|WIDTHxHEIGHT", value_parser = sides)]
    size: Size,
    /// Where to write it; the name ends in .png or .jpg.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it shows.
    #[arg(long, value_enum, default_value_t, value_name = "SCENE")]
    scene: SceneKind,
}

/// The longest side of a picture that is made, in pixels.
const MAX_SIDE: u32 = 100_000;

fn sides(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    let sides = side(width).zip(side(height)).map(|(width, height)| Size { width, height });
    sides.ok_or_else(|| format!("sides are 1 to {MAX_SIDE} pixels, as 4096 or 40000x25000"))
}

const DEFAULT_CASES: [&str; 4] =
    ["4096:grayscale", "4096:gaussian_blur:ksize=51", "4096.jpg:grayscale", "4096.jpg:gaussian_blur:ksize=51"];

/// Measure whole jobs: the running system against `tessera run` on the same pictures, alternating.
///
/// Run it on the system's own machine: CPU and memory are read from /proc, of the processes whose pid
/// files are in the run folder. Pictures are made here, the same ones each time. Every result is
/// compared with that of `tessera run`, byte for byte.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  . var/env && tessera bench job
  tessera bench job --picture 2048:grayscale --picture 2048:invert+gaussian_blur:ksize=15 --runs 9 --json")]
struct JobArgs {
    /// What to measure, SIDE[.jpg]:STEP[+STEP…]; repeat it for several.
    #[arg(long = "picture", value_name = "SIDE:CHAIN", default_values = DEFAULT_CASES)]
    pictures: Vec<Case>,
    /// Pairs of runs after one to warm up.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Uploads of a 1024-pixel picture to the idle system; 0 leaves the latency out.
    #[arg(long, default_value_t = 21, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    latency_runs: u32,
    #[command(flatten)]
    bench: BenchArgs,
}

/// Measure peak memory: two giants, a PNG and a JPEG, and small pictures that are sent while they are cut.
///
/// Run it on the system's own machine: memory is read from /proc, of the processes whose pid files are in
/// the run folder.
#[derive(clap::Args, Debug)]
struct MemoryArgs {
    /// Sides of the giants in pixels.
    #[arg(long, default_value_t = 16384, value_name = "PX", value_parser = clap::value_parser!(u32).range(1..=65535))]
    side: u32,
    /// How many small pictures are sent.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    small: u32,
    #[command(flatten)]
    bench: BenchArgs,
}

const SCALE_CASES: [&str; 4] =
    ["2048:bilateral:d=15", "4096.jpg:gaussian_blur:ksize=51", "4096:grayscale", "1024.jpg:grayscale"];

/// Measure how the running system scales: the same loads with one worker, two, four and so on.
///
/// Run it on the system's own machine, where `ops/scale` can start and stop workers; it leaves as many as it tried last.
/// Of each load many jobs are sent at once. Prints megapixels and tiles a second, the cores that all processes with Kafka
/// and Redis used, the rate of each worker beside the first number of workers, and the one process that was busiest.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  . var/env && tessera bench scale --workers 1,2
  tessera bench scale --workers 1,2,4,8,12 --picture 4096.jpg:gaussian_blur:ksize=51 --json")]
struct ScaleArgs {
    /// Numbers of workers to try, in this order.
    #[arg(long, value_delimiter = ',', default_value = "1,2", value_name = "N,N…")]
    workers: Vec<std::num::NonZeroU16>,
    /// A load, SIDE[.jpg]:STEP[+STEP…]; repeat it for several.
    #[arg(long = "picture", value_name = "SIDE:CHAIN", default_values = SCALE_CASES)]
    pictures: Vec<Case>,
    /// Megapixels of each load together: as many jobs are sent.
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    megapixels: u32,
    /// What sets the number of workers, which is put behind it.
    #[arg(long, default_value = "ops/scale workers", value_name = "COMMAND")]
    scale: String,
    #[command(flatten)]
    bench: BenchArgs,
}

/// Measure many small pictures from many connections at once: jobs a second, from the first upload until the last has ended.
///
/// Run it on the system's own machine, with nothing else using its Kafka and Redis: it counts the records and the commands
/// that a job takes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: . var/env && tessera bench small")]
struct SmallArgs {
    /// How many are sent, after a tenth as many to warm up.
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    jobs: u32,
    /// Uploads at once.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    #[command(flatten)]
    bench: BenchArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    redis: RedisArgs,
}

/// Where the system is, and how figures are shown.
#[derive(clap::Args, Debug)]
struct BenchArgs {
    /// The folder of the system's pid files.
    #[arg(long, env = "TESSERA_RUN_DIR", default_value = "var/run", value_name = "FOLDER")]
    run_dir: PathBuf,
    /// Where pictures and results go while it runs [default: the system's folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Print JSON: every single figure, one object on one line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    match &args.what {
        What::Job(args) => run_job(args, api),
        What::Memory(args) => run_memory(args, api),
        What::Scale(args) => run_scale(args, api),
        What::Small(args) => run_small(args, api),
        What::Picture(args) => {
            let end = args.file.extension().unwrap_or_default().to_string_lossy();
            let kind = end.parse().map_err(CtlError::Usage)?;
            picture::write(&args.file, args.size, kind, Scene::new(args.scene, args.size.width))
        }
    }
}

/// The running system, and a folder to work in.
fn set_up(args: &BenchArgs, api: &Api) -> Result<(System, WorkFolder), CtlError> {
    let (is_ready, said) = api.probe("/readyz")?;
    if !is_ready {
        return Err(CtlError::Unreachable(format!("{} is not ready: {}", api.base(), output::clean(said.trim()))));
    }
    let system = System::find(&args.run_dir)?;
    let base = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    Ok((system, WorkFolder::create(&base)?))
}

fn run_job(args: &JobArgs, api: &Api) -> Result<(), CtlError> {
    let (system, work) = set_up(&args.bench, api)?;
    let mut report = Report::new(&system);
    for case in &args.pictures {
        report.cases.push(compare::measure(api, &system, &work.0, case, args.runs)?);
    }
    if args.latency_runs > 0 {
        report.latency = Some(latency::measure(api, &work.0, args.latency_runs)?);
    }
    if args.bench.json { output::print_json(&report.to_json()) } else { output::print(&report.render()) }
}

fn run_memory(args: &MemoryArgs, api: &Api) -> Result<(), CtlError> {
    let (system, work) = set_up(&args.bench, api)?;
    let figures = memory::measure(api, &system, &work.0, args.side, args.small as usize)?;
    let is_own = |i: usize| system.processes.get(i).is_some_and(Process::is_own);
    if args.bench.json { output::print_json(&figures.to_json()) } else { output::print(&figures.render(is_own)) }
}

fn run_scale(args: &ScaleArgs, api: &Api) -> Result<(), CtlError> {
    let (_, work) = set_up(&args.bench, api)?;
    let workers: Vec<usize> = args.workers.iter().map(|count| count.get().into()).collect();
    let figures = scale::measure(
        api,
        &scale::Plan {
            workers: &workers,
            cases: &args.pictures,
            megapixels: args.megapixels.into(),
            command: &args.scale,
            run_dir: &args.bench.run_dir,
            folder: &work.0,
        },
    )?;
    if args.bench.json {
        output::print_json(&scale::to_json(&figures))
    } else {
        output::print(&scale::render(&figures))
    }
}

fn run_small(args: &SmallArgs, api: &Api) -> Result<(), CtlError> {
    let (system, work) = set_up(&args.bench, api)?;
    let (jobs, connections) = (args.jobs as usize, usize::from(args.connections));
    let load = small::Load { jobs, connections, kafka: &args.kafka, redis: &args.redis };
    let figures = small::measure(api, &system, &work.0, &load)?;
    if args.bench.json { output::print_json(&figures.to_json()) } else { output::print(&figures.render()) }
}

/// A folder of this run's own, removed at its end.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn create(base: &Path) -> Result<Self, CtlError> {
        let folder = base.join(format!("tessera-bench-{}", tessera::job::Token::random()));
        std::fs::create_dir_all(&folder).map_err(CtlError::file("creating the folder", &folder))?;
        Ok(Self(folder))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("tessera: {} is left behind: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_a_square() {
        assert_eq!(sides("40000x25000"), Ok(Size { width: 40_000, height: 25_000 }));
        assert_eq!(sides("7"), Ok(Size { width: 7, height: 7 }));
        for text in ["0", "x", "7x", "100001", "7x0", "-1", "1x2x3"] {
            assert!(sides(text).is_err(), "{text}");
        }
    }
}
