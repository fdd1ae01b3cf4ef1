//! A whole system of real processes on the real Kafka and Redis that `ops/test` gives.

mod jobs;
mod options;
pub mod topics;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redis::Commands;
use tempfile::TempDir;
use tessera::config::KafkaArgs;

use super::brokers::Broker;
use super::http::Client;
use super::process::{Process, Recipe};
use super::{LONG, required, wait_for};
pub use options::Options;
use topics::{create_topics, delete_topics};

/// The running system.
pub struct System {
    pub folder: TempDir,
    pub kafka: KafkaArgs,
    pub prefix: String,
    pub client: Client,
    processes: BTreeMap<String, Process>,
    environment: BTreeMap<String, String>,
    redis: redis::Client,
    own: Vec<Broker>,
}

impl System {
    /// Starts all services and waits until each is ready.
    pub fn start(options: &Options) -> Result<Self> {
        let mut system = Self::prepare(options)?;
        system.spawn("monitor", "tessera-monitor", &[])?;
        for n in 1..=options.splitters {
            system.spawn(&numbered("splitter", n), "tessera-splitter", &[])?;
        }
        system.spawn("web", "tessera-web", &[("TESSERA_HTTP_ADDR", "127.0.0.1:0")])?;
        for n in 1..=options.stitchers {
            system.spawn(&format!("stitcher-{n}"), "tessera-stitcher", &[])?;
        }
        for n in 1..=options.workers {
            system.start_worker(n)?;
        }
        system.wait_until_ready()?;
        system.client = Client::new(system.address("web")?);
        if options.workers > 0 {
            system.wait_for_live_workers(options.workers as usize)?;
        }
        Ok(system)
    }

    fn prepare(options: &Options) -> Result<Self> {
        let prefix = format!("test-{}-", &tessera::job::Token::random().as_str()[..10]);
        let folder = tempfile::Builder::new().prefix("tessera-system-").tempdir()?;
        let mut processes = BTreeMap::new();
        let mut address = |broker: Broker, variable: &str| -> Result<String> {
            if !options.own.contains(&broker) {
                return required(variable);
            }
            let (process, address) = broker.start(folder.path())?;
            processes.insert(broker.name().to_owned(), process);
            Ok(if broker == Broker::Redis { format!("redis://{address}/0") } else { address })
        };
        let brokers = address(Broker::Kafka, "TESSERA_TEST_KAFKA_BROKERS")?;
        let url = address(Broker::Redis, "TESSERA_TEST_REDIS_URL")?;
        let mut kafka = KafkaArgs::new(brokers, prefix.clone());
        (kafka.tasks_partitions, kafka.results_partitions, kafka.jobs_partitions) = (16, 4, 2);
        wait_for("the topics", LONG, || Ok(create_topics(&kafka).ok()))?;
        let environment = options.settings(&kafka, &url, folder.path());
        let redis = redis::Client::open(url)?;
        let client = Client::new("127.0.0.1:9");
        Ok(Self { folder, kafka, prefix, client, processes, environment, redis, own: options.own.clone() })
    }

    /// Starts worker `n`.
    pub fn start_worker(&mut self, n: u32) -> Result<()> {
        let id = format!("{}worker-{n}", self.prefix);
        self.spawn(
            &format!("worker-{n}"),
            "tessera-worker",
            &[("WORKER_ID", &id), ("TESSERA_INSTANCE", &n.to_string())],
        )
    }

    /// Starts worker `n` in a folder of its own: it does not reach the store.
    pub fn start_worker_without_store(&mut self, n: u32) -> Result<()> {
        let id = format!("{}worker-{n}", self.prefix);
        let store = format!("file://{}", self.folder.path().join("elsewhere").display());
        let more = [("WORKER_ID", id.as_str()), ("TESSERA_INSTANCE", &n.to_string()), ("TESSERA_STORE", &store)];
        self.spawn(&format!("worker-{n}"), "tessera-worker", &more)
    }

    /// Starts a service whose store is another folder than the system's, and does not exist.
    pub fn start_elsewhere(&mut self, name: &str, program: &str) -> Result<()> {
        let store = format!("file://{}", self.folder.path().join("elsewhere").display());
        self.spawn(name, program, &[("TESSERA_STORE", &store), ("TESSERA_HTTP_ADDR", "127.0.0.1:0")])
    }

    fn spawn(&mut self, name: &str, program: &str, more: &[(&str, &str)]) -> Result<()> {
        let mut environment = self.environment.clone();
        environment.insert("TESSERA_NAME".to_owned(), name.to_owned());
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let program = programs()?.join(program);
        let recipe = Recipe { name: name.to_owned(), program, arguments: Vec::new(), environment };
        let process = Process::start(recipe, self.folder.path())?;
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    pub fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes.get_mut(name).with_context(|| format!("no process {name}"))
    }

    /// The names of the services, brokers of its own aside.
    pub fn names(&self) -> Vec<String> {
        let is_service = |name: &&String| !self.own.iter().any(|broker| broker.name() == name.as_str());
        self.processes.keys().filter(is_service).cloned().collect()
    }

    /// Ends a process with SIGKILL; its address file stays, as after a crash.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        self.process(name)?.kill()
    }

    /// Starts a process again as it was started before, as a keeper does.
    pub fn restart(&mut self, name: &str) -> Result<()> {
        let recipe = self.processes.remove(name).with_context(|| format!("no process {name}"))?.recipe.clone();
        let _ = std::fs::remove_file(self.address_file(name));
        let process = Process::start(recipe, self.folder.path())?;
        self.processes.insert(name.to_owned(), process);
        if name == "web" {
            wait_for("web's address", LONG, || Ok(self.address("web").ok().map(|_| ())))?;
            self.client = Client::new(self.address("web")?);
        }
        Ok(())
    }

    /// As [`System::restart`], listening at `address`: that of before, so that open pages find it again.
    pub fn restart_at(&mut self, name: &str, address: &str) -> Result<()> {
        let process = self.process(name)?;
        process.recipe.environment.insert("TESSERA_HTTP_ADDR".to_owned(), address.to_owned());
        self.restart(name)
    }

    fn address_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("run").join(format!("{name}.addr"))
    }

    /// Where a process listens.
    pub fn address(&self, name: &str) -> Result<String> {
        let file = self.address_file(name);
        Ok(std::fs::read_to_string(&file).with_context(|| file.display().to_string())?.trim().to_owned())
    }

    /// Waits until `/readyz` of every process answers 200.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        for name in self.names() {
            wait_for(&format!("{name} to be ready"), LONG, || {
                if let Some(status) = self.process(&name)?.has_ended()? {
                    anyhow::bail!("{name} ended with {status}");
                }
                let Ok(address) = self.address(&name) else { return Ok(None) };
                let answer = Client::new(address).get("/readyz").ok();
                Ok(answer.filter(|answer| answer.status == 200).map(|_| ()))
            })?;
        }
        Ok(())
    }

    pub fn wait_for_live_workers(&self, count: usize) -> Result<()> {
        let prefix = format!("{}worker:", self.prefix);
        wait_for(&format!("{count} live workers"), LONG, || {
            let keys: Vec<String> = self.connection()?.keys(format!("{prefix}*"))?;
            // What is kept of a worker, its totals and its history, outlives it: its own key has nothing behind the id.
            let alive = keys.iter().filter(|key| key.strip_prefix(&prefix).is_some_and(|id| !id.contains(':')));
            Ok((alive.count() >= count).then_some(()))
        })
    }

    /// A connection to Redis, for looking as an operator would.
    pub fn connection(&self) -> Result<redis::Connection> {
        Ok(self.redis.get_connection()?)
    }

    /// Copies every log to where `ops/test` keeps those of failed tests; a test does not know yet that it fails.
    fn leave_logs(&self) {
        let Ok(folder) = std::env::var("TESSERA_TEST_LOGS") else { return };
        let test = std::thread::current().name().unwrap_or("main").replace("::", ".");
        let folder = Path::new(&folder).join(test).join(&self.prefix);
        if std::fs::create_dir_all(&folder).is_err() {
            return;
        }
        let files = std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
        for log in files.filter(|file| Path::new(&file.file_name()).extension().is_some_and(|end| end == "log")) {
            let _ = std::fs::copy(log.path(), folder.join(log.file_name()));
        }
    }

    /// The last lines of every log.
    pub fn logs(&self) -> String {
        let logs = self.processes.iter().map(|(name, process)| format!("--- {name}\n{}\n", process.log_tail(40)));
        logs.collect()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // The test runner shows this only if the test fails.
        eprintln!("{}", self.logs());
        self.processes.clear();
        self.leave_logs();
        if !self.own.contains(&Broker::Redis)
            && let Ok(mut connection) = self.redis.get_connection()
        {
            let keys: Vec<String> = connection.keys(format!("{}*", self.prefix)).unwrap_or_default();
            if !keys.is_empty() {
                let _: Result<(), _> = connection.del(keys);
            }
        }
        if !self.own.contains(&Broker::Kafka) {
            let _ = delete_topics(&self.kafka);
        }
    }
}

fn numbered(name: &str, n: u32) -> String {
    if n == 1 { name.to_owned() } else { format!("{name}-{n}") }
}

/// The folder of the executables.
pub fn programs() -> Result<PathBuf> {
    if let Ok(folder) = std::env::var("TESSERA_TEST_BIN_DIR") {
        return Ok(PathBuf::from(folder));
    }
    let test = std::env::current_exe()?;
    Ok(test.parent().and_then(Path::parent).context("the test has no folder")?.to_owned())
}
