//! How the running system scales: the same loads with more and more workers, and which process is busiest.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::compare::{Case, run_job};
use super::picture::{self, Picture};
use super::processes::System;
use crate::CtlError;
use crate::api::Api;
use crate::job_wait;
use crate::output::Table;
use crate::progress::Progress;

/// Uploads at once.
const SENDERS: usize = 4;
/// How often the jobs are asked for.
const CALM: Duration = Duration::from_millis(20);

/// What is measured.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Numbers of workers, in this order.
    pub workers: &'a [usize],
    /// Loads, each tried with each number.
    pub cases: &'a [Case],
    /// Megapixels of a load: that decides how many jobs it has.
    pub megapixels: f64,
    /// A program and its first arguments; the number of workers comes after them.
    pub command: &'a str,
    /// The folder of the system's pid files.
    pub run_dir: &'a Path,
    /// Where pictures go.
    pub folder: &'a Path,
}

/// What one load took with one number of workers.
#[derive(Debug)]
pub struct Figures {
    workers: usize,
    case: Case,
    jobs: usize,
    tiles: u64,
    megapixels: f64,
    wall_s: f64,
    /// CPU seconds of each process, by its name.
    cpu_s: Vec<(String, f64)>,
}

/// Measures each load with each number of workers.
///
/// # Errors
/// If the number of workers cannot be set, or a job does not end as `done`.
pub fn measure(api: &Api, plan: &Plan<'_>) -> Result<Vec<Figures>, CtlError> {
    let mut all = Vec::new();
    for workers in plan.workers {
        set_workers(plan.command, *workers)?;
        let system = System::find(plan.run_dir)?;
        for case in plan.cases {
            let picture = picture::make(plan.folder, case.side, case.kind)?;
            all.push(measure_case(api, &system, *workers, case, &picture, plan.megapixels)?);
        }
    }
    Ok(all)
}

fn set_workers(command: &str, count: usize) -> Result<(), CtlError> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or_else(|| CtlError::Usage("--scale names no program".to_owned()))?;
    let mut child = Command::new(program);
    child.args(words).arg(count.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let status = child.status().map_err(CtlError::file("starting", Path::new(program)))?;
    if status.success() { Ok(()) } else { Err(CtlError::Failed(format!("{command} {count} ended with {status}"))) }
}

fn measure_case(
    api: &Api,
    system: &System,
    workers: usize,
    case: &Case,
    picture: &Picture,
    megapixels: f64,
) -> Result<Figures, CtlError> {
    let jobs = jobs_of(picture.megapixels(), megapixels);
    // Once to warm up.
    let first = run_job(api, &picture.path, &case.steps, CALM)?;
    let _ = api.delete(&format!("/jobs/{}", first["id"].as_str().unwrap_or_default()));
    system.wait_for_rest();
    let (before, started) = (system.cpu(), Instant::now());
    let ids = send_all(api, &picture.path, &case.steps, jobs, SENDERS)?;
    wait_for_all(api, &ids)?;
    let wall_s = started.elapsed().as_secs_f64();
    let used = system.cpu().into_iter().zip(before).map(|(after, before)| (after - before).max(0.0));
    let cpu_s = system.processes.iter().map(|process| process.name.clone()).zip(used).collect();
    for id in &ids {
        // A system that cannot delete yet keeps it for its usual time.
        let _ = api.delete(&format!("/jobs/{id}"));
    }
    let tiles = job_wait::tiles(&first).1 * jobs as u64;
    let megapixels = picture.megapixels() * f64::from(u32::try_from(jobs).unwrap_or(u32::MAX));
    Ok(Figures { workers, case: case.clone(), jobs, tiles, megapixels, wall_s, cpu_s })
}

/// Jobs that have about `load` megapixels together, at least 2 and at most 256.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 2 and 256")]
fn jobs_of(megapixels: f64, load: f64) -> usize {
    (load / megapixels).round().clamp(2.0, 256.0) as usize
}

/// Sends a picture `count` times, `senders` uploads at once; gives the ids of the jobs.
pub(super) fn send_all(
    api: &Api,
    picture: &Path,
    steps: &[String],
    count: usize,
    senders: usize,
) -> Result<Vec<String>, CtlError> {
    let fields: Vec<(&str, String)> = steps.iter().map(|step| ("op", step.clone())).collect();
    let begun = AtomicUsize::new(0);
    let send = || {
        let mut ids = Vec::new();
        while begun.fetch_add(1, Ordering::Relaxed) < count {
            let accepted = api.submit(picture, &fields, Progress::silent())?;
            ids.push(accepted["id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(ids)
    };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..senders.min(count)).map(|_| scope.spawn(send)).collect();
        let broken = || CtlError::Failed("a sender broke off".to_owned());
        let sent = senders.into_iter().map(|sender| sender.join().unwrap_or_else(|_| Err(broken())));
        Ok(sent.collect::<Result<Vec<_>, CtlError>>()?.concat())
    })
}

/// Waits until all jobs are done, one after the other, so that few questions are asked.
fn wait_for_all(api: &Api, jobs: &[String]) -> Result<(), CtlError> {
    for job in jobs {
        loop {
            let view = api.get(&format!("/jobs/{job}"))?;
            if job_wait::status(&view)?.is_terminal() {
                job_wait::outcome(job, &view)?;
                break;
            }
            thread::sleep(CALM);
        }
    }
    Ok(())
}

impl Figures {
    fn rate(&self) -> f64 {
        self.megapixels / self.wall_s
    }

    fn cores(&self) -> f64 {
        self.cpu_s.iter().map(|(_, cpu)| cpu).sum::<f64>() / self.wall_s
    }

    /// The rate for each worker over that with the first number of workers.
    fn efficiency(&self, all: &[Self]) -> f64 {
        let each = |figures: &Self| figures.rate() / f64::from(u32::try_from(figures.workers).unwrap_or(u32::MAX));
        let first = all.iter().find(|figures| figures.case.name() == self.case.name());
        first.map_or(1.0, |first| each(self) / each(first))
    }

    /// Cores that each service uses: all its processes together.
    fn services(&self) -> Vec<(&str, f64)> {
        let mut services: Vec<(&str, f64)> = Vec::new();
        for (process, cpu) in &self.cpu_s {
            let name = process.split_once('-').map_or(process.as_str(), |(name, _)| name);
            match services.iter_mut().find(|(service, _)| *service == name) {
                Some((_, sum)) => *sum += cpu / self.wall_s,
                None => services.push((name, cpu / self.wall_s)),
            }
        }
        services
    }

    /// The one process that uses most of a core: at 1 it is what holds the others up, if it works in one thread.
    fn busiest(&self) -> String {
        let busiest = self.cpu_s.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        busiest.map_or_else(String::new, |(name, cpu)| format!("{name} {:.2}", cpu / self.wall_s))
    }

    fn to_json(&self, all: &[Self]) -> Value {
        json!({
            "workers": self.workers,
            "case": self.case.name(),
            "jobs": self.jobs,
            "tiles": self.tiles,
            "megapixels": self.megapixels,
            "wall_s": self.wall_s,
            "cores": self.cores(),
            "efficiency": self.efficiency(all),
            "cpu_s": self.cpu_s.iter().map(|(name, cpu)| json!({ "process": name, "cpu_s": cpu })).collect::<Vec<_>>(),
        })
    }
}

/// For people: a line for each load and number of workers.
#[expect(clippy::cast_precision_loss, reason = "tiles are few")]
pub fn render(all: &[Figures]) -> String {
    let mut table = Table::new(&[
        "load",
        "workers",
        "jobs",
        "MP/s",
        "tiles/s",
        "cores",
        "MP/s/core",
        "efficiency",
        "busiest",
        "cores by service",
    ]);
    for figures in all {
        let services = figures.services().into_iter().map(|(name, cores)| format!("{name} {cores:.2}"));
        table.row([
            figures.case.name(),
            figures.workers.to_string(),
            figures.jobs.to_string(),
            format!("{:.1}", figures.rate()),
            format!("{:.0}", figures.tiles as f64 / figures.wall_s),
            format!("{:.2}", figures.cores()),
            format!("{:.1}", figures.rate() / figures.cores().max(0.01)),
            format!("{:.2}", figures.efficiency(all)),
            figures.busiest(),
            services.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.render()
}

/// Every single figure.
pub fn to_json(all: &[Figures]) -> Value {
    json!({ "loads": all.iter().map(|figures| figures.to_json(all)).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests;
