//! `tessera run` as a process of its own: its wall time, CPU time and peak memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::CtlError;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct RunFigures {
    pub wall_s: f64,
    pub cpu_s: f64,
    pub peak_bytes: u64,
}

impl RunFigures {
    pub fn to_json(self) -> Value {
        json!({ "wall_s": self.wall_s, "cpu_s": self.cpu_s, "peak_bytes": self.peak_bytes })
    }
}

/// Runs `tessera run` with this very executable, in one thread: what the system is measured by.
///
/// # Errors
/// If it cannot be started or does not succeed.
pub fn run(input: &Path, output: &Path, steps: &[String]) -> Result<RunFigures, CtlError> {
    let program = std::env::current_exe().map_err(|error| CtlError::Failed(format!("finding tessera: {error}")))?;
    let mut command = Command::new(&program);
    command.arg("run").arg(input).arg(output).args(["--threads", "1"]).stdin(Stdio::null()).stdout(Stdio::null());
    for step in steps {
        command.arg("--op").arg(step);
    }
    let started = Instant::now();
    let child = command.spawn().map_err(CtlError::file("starting", &program))?;
    let (status, usage) = wait(child.id())?;
    let wall_s = started.elapsed().as_secs_f64();
    if status != 0 {
        return Err(CtlError::Failed(format!("tessera run {} did not succeed", input.display())));
    }
    let cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    let peak_bytes = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
    Ok(RunFigures { wall_s, cpu_s, peak_bytes })
}

/// Waits for a child, and asks for what it used: `Child::wait` does not tell.
fn wait(pid: u32) -> Result<(i32, libc::rusage), CtlError> {
    let failed = || CtlError::Failed(format!("waiting for tessera run: {}", std::io::Error::last_os_error()));
    let pid = i32::try_from(pid).map_err(|_| failed())?;
    let mut status = 0;
    // SAFETY: rusage is a plain structure of numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to variables of ours that outlive the call; the child is ours and not yet waited for.
        if unsafe { libc::wait4(pid, &mut status, 0, &mut usage) } == pid {
            return Ok((status, usage));
        }
        if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return Err(failed());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}
