//! Services as processes of their own, on what a rig has.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::Rig;

impl Rig {
    /// A service's program under `name`, which reaches Kafka and Redis and no store.
    pub fn command(&self, program: &str, name: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("TESSERA_KAFKA_BROKERS", &self.kafka.kafka_brokers)
            .env("TESSERA_TOPIC_PREFIX", &self.kafka.topic_prefix)
            .env("TESSERA_TASKS_PARTITIONS", self.kafka.tasks_partitions.to_string())
            .env("TESSERA_RESULTS_PARTITIONS", self.kafka.results_partitions.to_string())
            .env("TESSERA_REDIS_URL", &self.redis.redis_url)
            .env("TESSERA_KEY_PREFIX", &self.redis.key_prefix)
            .env("TESSERA_RUN_DIR", self.folder.path().join("run"))
            .env("TESSERA_NAME", name)
            .stdin(Stdio::null());
        command
    }

    /// As [`Rig::command`], with the store too, and a log in the rig's folder that a restart goes on with.
    pub fn command_with_store(&self, program: &str, name: &str) -> Command {
        let log = self.folder.path().join(format!("{name}.log"));
        let mut command = self.command(program, name);
        command
            .env("TESSERA_STORE", &self.store.store)
            .env("TESSERA_SCRATCH_DIR", &self.store.scratch_dir)
            .env("RUST_LOG", "debug,rdkafka=off,librdkafka=off")
            .stderr(File::options().create(true).append(true).open(log).unwrap());
        command
    }
}

/// Asks a process to stop, and waits until it has.
pub fn terminate(process: &mut Child) -> ExitStatus {
    let asked = Command::new("kill").arg("-TERM").arg(process.id().to_string()).status().unwrap();
    assert!(asked.success());
    process.wait().unwrap()
}
