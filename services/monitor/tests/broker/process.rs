//! A monitor's process.

use std::process::{Child, ExitStatus};

use crate::support::Rig;
use crate::support::process::terminate;

/// A monitor that is killed when it is dropped.
pub struct Monitor(pub Child);

impl Monitor {
    pub fn start(rig: &Rig, name: &str, more: &[(&str, &str)]) -> Self {
        let mut command = rig.command_with_store(env!("CARGO_BIN_EXE_tessera-monitor"), name);
        command.env("TESSERA_SWEEP_MS", "50").env("TESSERA_JANITOR_SECONDS", "1").envs(more.iter().copied());
        Self(command.spawn().expect("starting a monitor"))
    }

    pub fn terminate(mut self) -> ExitStatus {
        terminate(&mut self.0)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
