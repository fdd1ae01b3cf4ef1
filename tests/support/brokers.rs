//! A Kafka or a Redis that a test has to itself, so that it may be frozen, killed and started again.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::process::{Process, Recipe};
use super::{LONG, wait_for};

/// What can be a test's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    Kafka,
    Redis,
}

impl Broker {
    /// The name of its process.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Redis => "redis",
        }
    }

    /// Starts it with its data in `folder`, and waits until it accepts connections; gives its address, too.
    pub fn start(self, folder: &Path) -> Result<(Process, String)> {
        let data = self.data(folder);
        let recipe = Recipe {
            name: self.name().to_owned(),
            program: Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/tests/broker"),
            arguments: vec![self.name().to_owned(), data.display().to_string()],
            environment: BTreeMap::new(),
        };
        let mut process = Process::start(recipe, folder)?;
        let address = wait_for(&format!("a {} of its own", self.name()), LONG, || {
            if let Some(status) = process.has_ended()? {
                bail!("{} ended with {status}: {}", self.name(), process.log_tail(10));
            }
            let Ok(ports) = std::fs::read_to_string(data.join("port")) else { return Ok(None) };
            let Some(port) = ports.split_whitespace().next() else { return Ok(None) };
            let address = format!("127.0.0.1:{port}");
            Ok(TcpStream::connect(&address).is_ok().then_some(address))
        })?;
        Ok((process, address))
    }

    /// Removes what it has stored; it must not be running.
    pub fn lose_data(self, folder: &Path) -> Result<()> {
        let data = self.data(folder).join("data");
        std::fs::remove_dir_all(&data).with_context(|| data.display().to_string())
    }

    fn data(self, folder: &Path) -> PathBuf {
        folder.join("brokers").join(self.name())
    }
}
