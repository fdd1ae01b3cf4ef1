//! `tessera bench`: figures of the running system, held against one process doing the same.

mod compare;
mod latency;
mod memory;
mod picture;
mod processes;
mod reference;
mod report;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::CtlError;
use crate::api::{Api, UrlArgs};
use crate::output;
use compare::Case;
use processes::System;
use report::Report;

/// Measure the running system.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    Job(JobArgs),
}

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
    /// What to measure, SIDE:STEP[+STEP…]; repeat it for several.
    #[arg(long = "picture", value_name = "SIDE:CHAIN", default_values = ["4096:grayscale", "4096:gaussian_blur:ksize=51"])]
    pictures: Vec<Case>,
    /// Pairs of runs after one to warm up.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Uploads of a 1024-pixel picture to the idle system; 0 leaves the latency out.
    #[arg(long, default_value_t = 21, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    latency_runs: u32,
    /// Side of the picture that shows peak memory; 0 leaves it out.
    #[arg(long, default_value_t = 16384, value_name = "PX", value_parser = clap::value_parser!(u32).range(0..=65536))]
    memory_side: u32,
    /// The folder of the system's pid files.
    #[arg(long, env = "TESSERA_RUN_DIR", default_value = "var/run", value_name = "FOLDER")]
    run_dir: PathBuf,
    /// Where pictures and results go while it runs [default: the system's folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Print JSON: every single figure.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    url: UrlArgs,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    let What::Job(args) = &args.what;
    let api = Api::new(&args.url);
    let (is_ready, said) = api.probe("/readyz")?;
    if !is_ready {
        return Err(CtlError::Unreachable(format!("{} is not ready: {}", api.base(), output::clean(said.trim()))));
    }
    let system = System::find(&args.run_dir)?;
    let base = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let work = WorkFolder::create(&base)?;
    let mut report = Report::new(&system);
    for case in &args.pictures {
        report.cases.push(compare::measure(&api, &system, &work.0, case, args.runs)?);
    }
    if args.latency_runs > 0 {
        report.latency = Some(latency::measure(&api, &work.0, args.latency_runs)?);
    }
    if args.memory_side > 0 {
        report.memory = Some(memory::measure(&api, &system, &work.0, args.memory_side)?);
    }
    if args.json { output::print_json(&report.to_json()) } else { output::print(&report.render()) }
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
