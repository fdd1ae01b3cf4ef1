//! A worker's process.

use std::process::{Child, ExitStatus};

use crate::support::Rig;
use crate::support::process::terminate;

/// A worker that is killed when it is dropped.
pub struct Worker(pub Child);

impl Worker {
    pub fn start(rig: &Rig, id: &str, more: &[(&str, &str)]) -> Self {
        let mut command = rig.command(env!("CARGO_BIN_EXE_tessera-worker"), id);
        command.env("WORKER_ID", id).env("TESSERA_LOG_FORMAT", "json").envs(more.iter().copied());
        Self(command.spawn().expect("starting a worker"))
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn terminate(&mut self) -> ExitStatus {
        terminate(&mut self.0)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
