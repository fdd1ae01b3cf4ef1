//! The figures as a table for people and as raw data, held against what was to be reached.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::compare::CaseFigures;
use super::picture::Kind;
use super::processes::{Process, System};
use super::reference::RunFigures;
use crate::output::Table;

/// What is to be reached: JPEG takes so little CPU in one process that the way through Kafka shows more.
const fn ratio_of(kind: Kind) -> f64 {
    match kind {
        Kind::Png => 2.0,
        Kind::Jpeg => 3.0,
    }
}

const LATENCY_S: f64 = 0.150;
const TILES_A_SECOND: f64 = 100.0;

/// All that was measured.
pub struct Report {
    processes: Vec<Process>,
    pub cases: Vec<CaseFigures>,
    pub latency: Option<Vec<f64>>,
}

impl Report {
    pub fn new(system: &System) -> Self {
        Self { processes: system.processes.clone(), cases: Vec::new(), latency: None }
    }

    /// For people.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            text += &self.render_case(case);
        }
        if let Some(seconds) = &self.latency {
            let (p50, p90) = (percentile(seconds, 50), percentile(seconds, 90));
            let _ = writeln!(
                text,
                "1024 x 1024 grayscale, idle, upload to done: p50 {:.0} ms, p90 {:.0} ms of {} ({})\n",
                p50 * 1e3,
                p90 * 1e3,
                seconds.len(),
                verdict(p50 <= LATENCY_S, "p50 at most 150 ms")
            );
        }
        text
    }

    fn render_case(&self, case: &CaseFigures) -> String {
        let (picture, summary) = (&case.picture, self.summary(case));
        let mut text = format!(
            "{} x {0} {}, {}, {:.1} bit/px in, {} tiles, {} pairs, every result byte-identical to `tessera run`\n",
            picture.side,
            case.case.kind.name(),
            case.case.steps.join(" + "),
            picture.bits_per_pixel(),
            case.tiles,
            case.jobs.len()
        );
        let mut table = Table::new(&["", "CPU s/MP", "CPU s", "wall s", "peak MiB"]);
        let megapixels = picture.megapixels();
        let mut row = |name: &str, cpu: f64, wall: Option<f64>, peak: Option<u64>| {
            let wall = wall.map(|wall| format!("{wall:.3}")).unwrap_or_default();
            let peak = peak.map(|peak| (peak >> 20).to_string()).unwrap_or_default();
            table.row([format!("  {name}"), format!("{:.4}", cpu / megapixels), format!("{cpu:.3}"), wall, peak]);
        };
        for (i, process) in self.processes.iter().enumerate() {
            row(&process.name, summary.of_each[i], None, case.peaks.get(i).copied());
        }
        row("all of Tessera", summary.own, Some(summary.wall), None);
        row("tessera run", summary.run_cpu, Some(summary.run_wall), case.runs.iter().map(|run| run.peak_bytes).max());
        text += &table.render();
        let is_gray = case.case.steps == ["grayscale"] && picture.side == 4096 && case.case.kind == Kind::Png;
        let aim = ratio_of(case.case.kind);
        let reach = if is_gray { verdict(summary.tiles >= TILES_A_SECOND, "at least 100") } else { String::new() };
        let _ = writeln!(
            text,
            "  own CPU / tessera run {:.2} ({}); wall / tessera run {:.2}; {:.0} tiles/s {reach}",
            summary.own / summary.run_cpu,
            verdict(summary.own / summary.run_cpu <= aim, &format!("at most {aim:.1}")),
            summary.wall / summary.run_wall,
            summary.tiles
        );
        if !case.peaks_are_of_case {
            text += "  peaks are since the processes' start: the kernel did not let them be reset\n";
        }
        text + "\n"
    }

    fn summary(&self, case: &CaseFigures) -> Summary {
        let owns = |cpu: &[f64]| -> f64 {
            self.processes.iter().zip(cpu).filter(|(process, _)| process.is_own()).map(|(_, seconds)| seconds).sum()
        };
        // The kernel counts in hundredths of a second: the mean of all jobs is finer than any of them.
        let of = |i: usize| mean(case.jobs.iter().map(|job| job.cpu_s[i]));
        let wall = median(case.jobs.iter().map(|job| job.wall_s));
        #[expect(clippy::cast_precision_loss, reason = "tiles are few")]
        let tiles = case.tiles as f64 / wall;
        Summary {
            of_each: (0..self.processes.len()).map(of).collect(),
            own: median(case.jobs.iter().map(|job| owns(&job.cpu_s))),
            wall,
            tiles,
            run_cpu: median(case.runs.iter().map(|run| run.cpu_s)),
            run_wall: median(case.runs.iter().map(|run| run.wall_s)),
        }
    }

    /// Every single figure.
    pub fn to_json(&self) -> Value {
        let names: Vec<&str> = self.processes.iter().map(|process| process.name.as_str()).collect();
        let case = |case: &CaseFigures| {
            let summary = self.summary(case);
            json!({
                "side": case.case.side,
                "format": case.case.kind.name(),
                "operations": case.case.steps,
                "bytes": case.picture.bytes,
                "bits_per_pixel": case.picture.bits_per_pixel(),
                "tiles": case.tiles,
                "jobs": case.jobs.iter().map(|job| json!({"wall_s": job.wall_s, "cpu_s": job.cpu_s})).collect::<Vec<_>>(),
                "runs": case.runs.iter().map(|run| RunFigures::to_json(*run)).collect::<Vec<_>>(),
                "peak_bytes": case.peaks,
                "own_cpu_s_per_megapixel": summary.own / case.picture.megapixels(),
                "run_cpu_s_per_megapixel": summary.run_cpu / case.picture.megapixels(),
                "ratio": summary.own / summary.run_cpu,
                "tiles_per_s": summary.tiles,
            })
        };
        json!({
            "processes": names,
            "cases": self.cases.iter().map(case).collect::<Vec<_>>(),
            "latency_s": self.latency,
        })
    }
}

/// Medians of a case, and the mean of each process.
struct Summary {
    of_each: Vec<f64>,
    own: f64,
    wall: f64,
    tiles: f64,
    run_cpu: f64,
    run_wall: f64,
}

fn verdict(is_reached: bool, aim: &str) -> String {
    format!("{}: {aim}", if is_reached { "reached" } else { "MISSED" })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    percentile(&values.collect::<Vec<_>>(), 50)
}

#[expect(clippy::cast_precision_loss, reason = "values are few")]
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The smallest value that `percent` of the values do not exceed.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert!((percentile(&[3.0, 1.0, 2.0], 50) - 2.0).abs() < 1e-9);
        assert!((percentile(&[4.0, 1.0, 2.0, 3.0], 50) - 2.0).abs() < 1e-9);
        assert!((percentile(&[1.0, 2.0, 3.0, 4.0, 5.0], 90) - 5.0).abs() < 1e-9);
        assert!(percentile(&[], 50).is_nan());
    }
}
