//! The system's processes by their pid files, and what /proc says of their CPU time and memory.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::CtlError;

/// A process of the system.
#[derive(Clone, Debug)]
pub struct Process {
    pub name: String,
    pub pid: u32,
}

impl Process {
    /// Whether it is Tessera's; Kafka and Redis are counted beside.
    pub fn is_own(&self) -> bool {
        !matches!(self.name.as_str(), "kafka" | "redis")
    }
}

/// All processes that can be measured.
#[derive(Debug)]
pub struct System {
    pub processes: Vec<Process>,
    ticks_a_second: f64,
}

/// Longest wait for the system to come to rest.
const REST_LIMIT: Duration = Duration::from_secs(2);
const REST_PAUSE: Duration = Duration::from_millis(50);

impl System {
    /// Finds the live processes that have a `NAME.pid` in `run_dir`.
    ///
    /// # Errors
    /// If there is none of Tessera's.
    pub fn find(run_dir: &Path) -> Result<Self, CtlError> {
        let entries = fs::read_dir(run_dir).map_err(CtlError::file("listing pid files in", run_dir))?;
        let mut processes = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".pid"));
            let Some(name) = name.filter(|name| !name.ends_with(".keeper")) else { continue };
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            let process = pid.map(|pid| Process { name: name.to_owned(), pid });
            processes.extend(process.filter(|process| cpu_ticks(process.pid).is_some()));
        }
        processes.sort_by_key(|process| (!process.is_own(), process.name.clone()));
        if !processes.iter().any(Process::is_own) {
            let text =
                format!("no process of Tessera has a pid file in {}; name its folder: --run-dir", run_dir.display());
            return Err(CtlError::Failed(text));
        }
        Ok(Self { processes, ticks_a_second: ticks_a_second() })
    }

    /// CPU seconds of each process since its start, user and system; 0 for one that has gone.
    #[expect(clippy::cast_precision_loss, reason = "ticks are few")]
    pub fn cpu(&self) -> Vec<f64> {
        let seconds = |process: &Process| cpu_ticks(process.pid).unwrap_or(0) as f64 / self.ticks_a_second;
        self.processes.iter().map(seconds).collect()
    }

    /// Waits until hardly any CPU time is used any more, so that the end of a job's work is counted to it.
    pub fn wait_for_rest(&self) {
        let started = Instant::now();
        let mut last: f64 = self.cpu().iter().sum();
        while started.elapsed() < REST_LIMIT {
            thread::sleep(REST_PAUSE);
            let now: f64 = self.cpu().iter().sum();
            if (now - last) * self.ticks_a_second < 1.5 {
                return;
            }
            last = now;
        }
    }

    /// Forgets peak memory up to now; whether the kernel allowed it for every process of Tessera.
    pub fn reset_peaks(&self) -> bool {
        let reset = |process: &Process| fs::write(format!("/proc/{}/clear_refs", process.pid), "5").is_ok();
        self.processes.iter().map(|process| reset(process) || !process.is_own()).fold(true, |all, one| all & one)
    }

    /// Peak memory of each process in bytes.
    pub fn peaks(&self) -> Vec<u64> {
        self.processes.iter().map(|process| peak(process.pid).unwrap_or(0)).collect()
    }
}

/// User and system time in clock ticks; `None` for a process that is gone.
fn cpu_ticks(pid: u32) -> Option<u64> {
    parse_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_ticks(stat: &str) -> Option<u64> {
    // The second field is the command in brackets, and may hold blanks and brackets: read after the last one.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

#[expect(clippy::cast_precision_loss, reason = "it is 100")]
fn ticks_a_second() -> f64 {
    // SAFETY: sysconf only reads a constant of the system.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_after_the_last_bracket() {
        let stat = "7 (a) b) (c)) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0";
        assert_eq!(parse_ticks(stat), Some(42));
        assert_eq!(parse_ticks("7 (x"), None);
    }

    #[test]
    fn a_pid_file_of_a_process_that_is_gone_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, pid: u32| fs::write(folder.path().join(name), format!("{pid}\n")).unwrap();
        write("web.pid", std::process::id());
        write("web.keeper.pid", std::process::id());
        write("worker-1.pid", u32::MAX - 1);
        let system = System::find(folder.path()).unwrap();
        let names: Vec<&str> = system.processes.iter().map(|process| process.name.as_str()).collect();
        assert_eq!(names, ["web"]);
        assert!(system.peaks()[0] > 0 && system.cpu()[0] >= 0.0);
    }
}
