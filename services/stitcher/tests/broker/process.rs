//! A stitcher's process, and what it has not acknowledged.

use std::process::{Child, ExitStatus};

use tessera::bus::{Group, admin};

use crate::support::Rig;
use crate::support::process::terminate;

/// A stitcher that is killed when it is dropped.
pub struct Stitcher(Child);

impl Stitcher {
    pub fn start(rig: &Rig, name: &str) -> Self {
        let mut command = rig.command_with_store(env!("CARGO_BIN_EXE_tessera-stitcher"), name);
        command.env("TESSERA_SPOOL_SWEEP_SECONDS", "1");
        Self(command.spawn().expect("starting a stitcher"))
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn terminate(mut self) -> ExitStatus {
        terminate(&mut self.0)
    }

    /// The largest memory it ever had, in bytes.
    pub fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Stitcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Records of `results` that the stitchers have not finished.
pub async fn unfinished(rig: &Rig) -> i64 {
    let lag = admin::lag(&rig.kafka, Group::Stitchers).await.unwrap();
    lag.iter().map(|lag| lag.records()).sum()
}
