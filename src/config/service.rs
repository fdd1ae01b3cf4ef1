//! What every service has: a name, a place for its pid and address files, a health listener, a log.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::hosts::HostPort;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// How a service is run.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Service")]
pub struct ServiceArgs {
    /// This process's name on this machine: its address is written to RUN_DIR/NAME.addr [default: the program's].
    #[arg(long, env = "TESSERA_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// Number of this process among its kind on this machine.
    #[arg(long, env = "TESSERA_INSTANCE", default_value_t = 1, value_name = "N")]
    pub instance: u32,
    /// The folder for address files.
    #[arg(long, env = "TESSERA_RUN_DIR", default_value = "var/run", value_name = "FOLDER")]
    pub run_dir: PathBuf,
    /// Where /healthz, /readyz and /metrics listen; port 0 takes a free one.
    #[arg(long, env = "TESSERA_HEALTH_ADDR", default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub health_addr: SocketAddr,
    /// Names by which a service's pages may be asked for beside localhost and the address they listen at: NAME, for any
    /// port, or NAME:PORT. Requests for other names are answered 421.
    #[arg(long, env = "TESSERA_ALLOWED_HOSTS", value_delimiter = ',', value_name = "LIST")]
    pub allowed_hosts: Vec<String>,
    /// How log lines are written.
    #[arg(long, env = "TESSERA_LOG_FORMAT", default_value = "text", value_enum, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// How long work in hand may take after SIGTERM, in seconds.
    #[arg(long, env = "TESSERA_DRAIN_SECONDS", default_value_t = 15, value_name = "SECONDS")]
    pub drain_seconds: u64,
}

impl ServiceArgs {
    /// Settings for a service called `name` whose files are in `run_dir`; it listens on a free loopback port.
    pub fn new(name: impl Into<String>, instance: u32, run_dir: impl Into<PathBuf>) -> Self {
        Self {
            name: Some(name.into()),
            instance,
            run_dir: run_dir.into(),
            health_addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            allowed_hosts: Vec::new(),
            log_format: LogFormat::Text,
            drain_seconds: 15,
        }
    }

    /// The process's name, or `program-INSTANCE`.
    pub fn name_or(&self, program: &str) -> String {
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        name.map_or_else(|| format!("{program}-{}", self.instance), str::to_owned)
    }

    /// What is wrong with the names in `allowed_hosts`, a line for each.
    pub fn host_problems(&self) -> Vec<String> {
        let given = self.allowed_hosts.iter().filter(|name| !name.trim().is_empty());
        let wrong = given.filter(|name| HostPort::parse(name.trim()).is_none());
        wrong
            .map(|name| format!("allowed_hosts has {name:?}, it must be NAME or NAME:PORT, without http:// and path"))
            .collect()
    }

    /// How long work in hand may take after SIGTERM.
    pub fn drain_limit(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// The machine's name, for worker ids; only letters, digits, `.`, `_` and `-`.
    pub fn host() -> String {
        let text = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
        let host: String = text.trim().chars().filter(allowed).take(40).collect();
        if host.is_empty() { "localhost".to_owned() } else { host }
    }
}
