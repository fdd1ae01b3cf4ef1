//! One kind of job, the running system and `tessera run` by turns: A B A B, after one of each to warm up.

use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::picture::{self, Kind, Picture};
use super::processes::System;
use super::reference::{self, RunFigures};
use crate::CtlError;
use crate::api::Api;
use crate::commands::run::parse_chain;
use crate::fetching::fetch;
use crate::job_wait;
use crate::progress::Progress;
use crate::target::Target;

/// What is measured: a picture's side and format, and the steps.
#[derive(Clone, Debug)]
pub struct Case {
    pub side: u32,
    pub kind: Kind,
    pub steps: Vec<String>,
}

impl Case {
    /// As it was written.
    pub fn name(&self) -> String {
        let end = if matches!(self.kind, Kind::Jpeg) { ".jpg" } else { "" };
        format!("{}{end}:{}", self.side, self.steps.join("+"))
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (picture, chain) = text.split_once(':').ok_or("write SIDE[.jpg]:STEP, as 4096.jpg:grayscale")?;
        let (side, kind) = match picture.split_once('.') {
            None => (picture, Kind::Png),
            Some((side, end)) => (side, end.parse()?),
        };
        let side = side.parse().ok().filter(|side| (1..=65_536).contains(side)).ok_or("SIDE is 1 to 65536 pixels")?;
        let steps: Vec<String> = chain.split('+').map(str::to_owned).collect();
        parse_chain(&steps).map_err(|error| error.to_string())?;
        Ok(Self { side, kind, steps })
    }
}

/// What one job took.
#[derive(Clone, Debug)]
pub struct JobFigures {
    pub wall_s: f64,
    /// Of each process of the system, in its order.
    pub cpu_s: Vec<f64>,
}

/// All figures of a case.
#[derive(Debug)]
pub struct CaseFigures {
    pub case: Case,
    pub picture: Picture,
    pub tiles: u64,
    pub jobs: Vec<JobFigures>,
    pub runs: Vec<RunFigures>,
    pub peaks: Vec<u64>,
    pub peaks_are_of_case: bool,
}

/// How often a job is asked for while CPU time is measured: each question costs the web process some.
const CALM: Duration = Duration::from_millis(20);

/// Measures a case.
///
/// # Errors
/// If a job does not end as `done`, or its result differs from that of `tessera run`.
pub fn measure(api: &Api, system: &System, folder: &Path, case: &Case, pairs: u32) -> Result<CaseFigures, CtlError> {
    let picture = picture::make(folder, case.side, case.kind)?;
    let file = |name: &str| folder.join(name).with_extension(case.kind.extension());
    let (ours, theirs) = (file("system"), file("run"));
    let mut progress = Progress::new();
    let mut figures = CaseFigures {
        case: case.clone(),
        picture,
        tiles: 0,
        jobs: Vec::new(),
        runs: Vec::new(),
        peaks: Vec::new(),
        peaks_are_of_case: system.reset_peaks(),
    };
    for pair in 0..=pairs {
        progress.show(|| format!("{} of {} x {0}: pair {pair} of {pairs}", case.steps.join("+"), case.side));
        let (job, figures_of_job) = measure_job(api, system, &figures.picture.path, &case.steps)?;
        let id = job["id"].as_str().unwrap_or_default();
        fetch(api, id, Target::at(&ours)?)?;
        let figures_of_run = reference::run(&figures.picture.path, &theirs, &case.steps)?;
        require_equal(&ours, &theirs, id)?;
        // A system that cannot delete yet keeps it for its usual time.
        let _ = api.delete(&format!("/jobs/{id}"));
        figures.tiles = job_wait::tiles(&job).1;
        if pair > 0 {
            figures.jobs.push(figures_of_job);
            figures.runs.push(figures_of_run);
        }
    }
    figures.peaks = system.peaks();
    Ok(figures)
}

fn measure_job(api: &Api, system: &System, picture: &Path, steps: &[String]) -> Result<(Value, JobFigures), CtlError> {
    system.wait_for_rest();
    let before = system.cpu();
    let started = Instant::now();
    let job = run_job(api, picture, steps, CALM)?;
    let wall_s = started.elapsed().as_secs_f64();
    system.wait_for_rest();
    let cpu_s = system.cpu().iter().zip(&before).map(|(after, before)| (after - before).max(0.0)).collect();
    Ok((job, JobFigures { wall_s, cpu_s }))
}

/// Sends a picture and asks every `pause` until the job is done.
///
/// # Errors
/// If it ends otherwise.
pub fn run_job(api: &Api, picture: &Path, steps: &[String], pause: Duration) -> Result<Value, CtlError> {
    let fields: Vec<(&str, String)> = steps.iter().map(|step| ("op", step.clone())).collect();
    let accepted = api.submit(picture, &fields, Progress::new())?;
    let id = accepted["id"].as_str().unwrap_or_default().to_owned();
    loop {
        let job = api.get(&format!("/jobs/{id}"))?;
        if job_wait::status(&job)?.is_terminal() {
            job_wait::outcome(&id, &job)?;
            return Ok(job);
        }
        thread::sleep(pause);
    }
}

fn require_equal(ours: &Path, theirs: &Path, id: &str) -> Result<(), CtlError> {
    let open = |path: &Path| {
        let file = std::fs::File::open(path).map_err(CtlError::file("opening", path))?;
        Ok::<_, CtlError>(std::io::BufReader::with_capacity(1 << 20, file).bytes())
    };
    let (mut left, mut right) = (open(ours)?, open(theirs)?);
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ok(()),
            (Some(Ok(one)), Some(Ok(other))) if one == other => {}
            _ => return Err(CtlError::Failed(format!("job {id}: its result differs from that of `tessera run`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_a_side_and_a_chain() {
        let case: Case = "512:invert+gaussian_blur:ksize=3,sigma=1".parse().unwrap();
        assert_eq!((case.side, case.steps.len()), (512, 2));
        for name in ["512:invert+gaussian_blur:ksize=3,sigma=1", "4096.jpg:grayscale"] {
            assert_eq!(name.parse::<Case>().unwrap().name(), name);
        }
        for bad in ["", "512", "0:invert", "x:invert", "512:blurr", "512:"] {
            assert!(bad.parse::<Case>().is_err(), "{bad}");
        }
    }

    #[test]
    fn files_that_differ_anywhere_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let one = file("1", "abc");
        assert!(require_equal(&one, &file("2", "abc"), "x").is_ok());
        assert!(require_equal(&one, &file("3", "abd"), "x").is_err());
        assert!(require_equal(&one, &file("4", "ab"), "x").is_err());
    }
}
