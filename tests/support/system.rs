//! A whole system of real processes on the real Kafka and Redis that `ops/test` gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use redis::Commands;
use serde_json::Value;
use tempfile::TempDir;
use tessera::bus::Topic;
use tessera::config::KafkaArgs;

use super::brokers::Broker;
use super::http::{Answer, Client, Form};
use super::process::{Process, Recipe};
use super::{LONG, required, wait_for};

/// What of a system is not the default.
#[derive(Clone, Debug)]
pub struct Options {
    pub workers: u32,
    pub stitchers: u32,
    pub splitters: u32,
    /// Milliseconds that a worker waits in each tile, so that a test can act in mid-job.
    pub tile_delay_ms: u32,
    /// The brokers that the test has to itself; the others are those that `ops/test` gives.
    pub own: Vec<Broker>,
    /// More settings for every process.
    pub environment: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { workers: 2, stitchers: 1, splitters: 1, tile_delay_ms: 0, own: Vec::new(), environment: Vec::new() }
    }
}

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
            system.spawn(&numbered("splitter", n), "tessera-web", &[("TESSERA_ROLE", "splitter")])?;
        }
        system.spawn("web", "tessera-web", &[("TESSERA_ROLE", "http"), ("TESSERA_HTTP_ADDR", "127.0.0.1:0")])?;
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
        let mut environment: BTreeMap<String, String> = [
            ("TESSERA_KAFKA_BROKERS", kafka.kafka_brokers.clone()),
            ("TESSERA_REDIS_URL", url.clone()),
            ("TESSERA_TOPIC_PREFIX", prefix.clone()),
            ("TESSERA_KEY_PREFIX", prefix.clone()),
            ("TESSERA_TASKS_PARTITIONS", kafka.tasks_partitions.to_string()),
            ("TESSERA_RESULTS_PARTITIONS", kafka.results_partitions.to_string()),
            ("TESSERA_JOBS_PARTITIONS", kafka.jobs_partitions.to_string()),
            ("TESSERA_STORE", format!("file://{}", folder.path().join("store").display())),
            ("TESSERA_SCRATCH_DIR", folder.path().join("scratch").display().to_string()),
            ("TESSERA_RUN_DIR", folder.path().join("run").display().to_string()),
            ("TESSERA_TILE_DELAY_MS", options.tile_delay_ms.to_string()),
            // As ops/up sets them.
            ("MALLOC_ARENA_MAX", "2".to_owned()),
            ("MALLOC_MMAP_THRESHOLD_", (32 << 20).to_string()),
            ("MALLOC_TRIM_THRESHOLD_", (64 << 20).to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        environment.extend(options.environment.iter().cloned());
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
        wait_for(&format!("{count} live workers"), LONG, || {
            let keys: Vec<String> = self.connection()?.keys(format!("{}worker:*", self.prefix))?;
            Ok((keys.iter().filter(|key| !key.ends_with(":history")).count() >= count).then_some(()))
        })
    }

    /// A connection to Redis, for looking as an operator would.
    pub fn connection(&self) -> Result<redis::Connection> {
        Ok(self.redis.get_connection()?)
    }

    /// A field of a job's hash.
    pub fn field(&self, job: &str, field: &str) -> Result<Option<String>> {
        Ok(self.connection()?.hget(self.job_key(job), field)?)
    }

    pub fn job_key(&self, job: &str) -> String {
        format!("{}job:{{{job}}}", self.prefix)
    }

    /// Sends a picture and gives the id of the accepted job.
    pub fn submit(&self, picture: &[u8], operations: &[&str]) -> Result<String> {
        let answer = self.post("picture.png", picture, operations)?;
        ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
        Ok(answer.json()?["id"].as_str().context("no id")?.to_owned())
    }

    /// Sends a picture and gives the answer.
    pub fn post(&self, name: &str, picture: &[u8], operations: &[&str]) -> Result<Answer> {
        self.client.post("/api/v1/jobs", &Form::picture(name, picture, operations), &[])
    }

    pub fn job(&self, job: &str) -> Result<Value> {
        self.client.get(&format!("/api/v1/jobs/{job}"))?.json()
    }

    /// Waits until a job has ended, and gives it.
    pub fn wait_for_end(&self, job: &str, limit: Duration) -> Result<Value> {
        wait_for(&format!("job {job} to end"), limit, || {
            let Ok(view) = self.job(job) else { return Ok(None) };
            let ended = ["done", "failed", "cancelled", "expired"].contains(&view["status"].as_str().unwrap_or(""));
            Ok(ended.then_some(view))
        })
    }

    /// Waits until some, but not all, of the tiles of a job have been received.
    pub fn wait_for_middle(&self, job: &str) -> Result<()> {
        wait_for("a job in the middle", LONG, || {
            let number =
                |name: &str| -> Result<u64> { Ok(self.field(job, name)?.unwrap_or_default().parse().unwrap_or(0)) };
            let (received, total) = (number("received_tiles")?, number("total_tiles")?);
            ensure!(total == 0 || received < total, "all {total} tiles were received before the test could act");
            Ok((received >= 1).then_some(()))
        })
    }

    /// The result's bytes.
    pub fn result(&self, job: &str) -> Result<Vec<u8>> {
        let answer = self.client.get(&format!("/api/v1/jobs/{job}/result"))?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(answer.body)
    }

    /// What `tessera run` makes of the same picture: the reference.
    pub fn reference(&self, picture: &[u8], operations: &[&str]) -> Result<Vec<u8>> {
        self.reference_as(picture, operations, ("png", "png"))
    }

    /// The same with other ends of the files' names: what came and what is wanted.
    pub fn reference_as(&self, picture: &[u8], operations: &[&str], ends: (&str, &str)) -> Result<Vec<u8>> {
        self.reference_with(picture, operations, ends, &[])
    }

    /// The same with more that is asked of the result: the field and its value, as flags of `tessera run`.
    pub fn reference_with(
        &self,
        picture: &[u8],
        operations: &[&str],
        ends: (&str, &str),
        wanted: &[(&str, &str)],
    ) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let (input, output) =
            (folder.path().join("in").with_extension(ends.0), folder.path().join("out").with_extension(ends.1));
        std::fs::write(&input, picture)?;
        let mut command = std::process::Command::new(programs()?.join("tessera"));
        command.arg("run").args([&input, &output]);
        for operation in operations {
            command.args(["--op", operation]);
        }
        for (field, value) in wanted {
            command.args([&format!("--{field}"), *value]);
        }
        let run = command.output()?;
        ensure!(run.status.success(), "tessera run: {}", String::from_utf8_lossy(&run.stderr));
        Ok(std::fs::read(output)?)
    }

    /// Runs `tessera` with the system's settings and address.
    pub fn command(&self, arguments: &[&str]) -> Result<std::process::Output> {
        let mut command = std::process::Command::new(programs()?.join("tessera"));
        command.args(arguments).envs(&self.environment).env("TESSERA_URL", &self.client.base);
        Ok(command.output()?)
    }

    /// Submits, waits for `done` and compares every byte with the reference.
    pub fn submit_and_compare(&self, picture: &[u8], operations: &[&str]) -> Result<String> {
        let job = self.submit(picture, operations)?;
        self.compare(&job, picture, operations)?;
        Ok(job)
    }

    /// Waits for `done` and compares every byte with the reference.
    pub fn compare(&self, job: &str, picture: &[u8], operations: &[&str]) -> Result<()> {
        let view = self.wait_for_end(job, LONG)?;
        ensure!(view["status"] == "done", "job {job} ended as {view}");
        ensure!(self.result(job)? == self.reference(picture, operations)?, "job {job}: other bytes than `tessera run`");
        Ok(())
    }

    /// Waits until nothing is left of jobs that are done but what belongs to them: original, description, result and
    /// end in the store, nothing in the spools, no tile in a worker's hand.
    pub fn leaves_nothing(&self, jobs: &[&str]) -> Result<()> {
        let mut left = String::new();
        let waited = wait_for("nothing to be left", LONG, || {
            let (spool, store) = (self.files("scratch/spool"), self.files("store"));
            let mut tries = 0_u64;
            for job in jobs {
                let held: u64 = self.connection()?.hlen(format!("{}:tries:0", self.job_key(job)))?;
                tries += held;
            }
            let is_clean = spool.is_empty() && store.len() == 4 * jobs.len() && tries == 0;
            left = format!("spool {spool:?}, store {store:?}, {tries} tiles in hand");
            Ok(is_clean.then_some(()))
        });
        waited.with_context(|| format!("left: {left}"))
    }

    /// Files under a folder of the system, relative to it.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let root = self.folder.path().join(folder);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    _ => found.push(entry.path().strip_prefix(&root).map(Path::to_owned).unwrap_or_default()),
                }
            }
        }
        found
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

fn on_runtime<T>(task: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(task))
}

fn create_topics(kafka: &KafkaArgs) -> Result<()> {
    on_runtime(tessera::bus::admin::create_topics(kafka))??;
    Ok(())
}

fn delete_topics(kafka: &KafkaArgs) -> Result<()> {
    use rdkafka::admin::{AdminClient, AdminOptions};
    let admin: AdminClient<rdkafka::client::DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &kafka.kafka_brokers).create()?;
    let names: Vec<String> = Topic::ALL.iter().map(|topic| topic.name(kafka)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    on_runtime(admin.delete_topics(&names, &AdminOptions::new()))??;
    Ok(())
}
