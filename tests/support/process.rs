//! One process of a system: started with its log in a file, ended by its pid.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::wait_for;

/// How a process is started, again if need be.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Its name: of its log and of its address file.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole `TESSERA_…` environment.
    pub environment: BTreeMap<String, String>,
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    pub recipe: Recipe,
    child: Child,
    log: PathBuf,
}

impl Process {
    pub fn start(recipe: Recipe, log_folder: &Path) -> Result<Self> {
        let log = log_folder.join(format!("{}.log", recipe.name));
        let file = File::options().create(true).append(true).open(&log)?;
        let child = Command::new(&recipe.program)
            .args(&recipe.arguments)
            .envs(&recipe.environment)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}: build it first", recipe.program.display()))?;
        Ok(Self { recipe, child, log })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` to this process, by pid.
    pub fn signal(&self, signal: i32) -> Result<()> {
        let pid = libc::pid_t::try_from(self.pid())?;
        // SAFETY: kill takes plain numbers; the child has not been waited for, so that its pid is still its own.
        let sent = unsafe { libc::kill(pid, signal) };
        anyhow::ensure!(sent == 0, "signal {signal} to {} failed", self.recipe.name);
        Ok(())
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop with SIGTERM and waits for its end.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(libc::SIGTERM)?;
        wait_for(&format!("{} to end after SIGTERM", self.recipe.name), limit, || Ok(self.child.try_wait()?))
    }

    pub fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// The largest memory it ever had, in bytes (VmHWM).
    pub fn peak_memory_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.kill();
        }
    }
}
