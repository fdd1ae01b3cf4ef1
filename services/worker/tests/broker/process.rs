//! A worker's process.

use std::process::{Child, Command, ExitStatus, Stdio};

use crate::support::Rig;

/// A worker that is killed when it is dropped.
pub struct Worker(pub Child);

impl Worker {
    pub fn start(rig: &Rig, id: &str, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-worker"));
        command
            .env("TESSERA_KAFKA_BROKERS", &rig.kafka.kafka_brokers)
            .env("TESSERA_TOPIC_PREFIX", &rig.kafka.topic_prefix)
            .env("TESSERA_TASKS_PARTITIONS", rig.kafka.tasks_partitions.to_string())
            .env("TESSERA_REDIS_URL", &rig.redis.redis_url)
            .env("TESSERA_KEY_PREFIX", &rig.redis.key_prefix)
            .env("TESSERA_RUN_DIR", rig.folder.path().join("run"))
            .env("TESSERA_NAME", id)
            .env("WORKER_ID", id)
            .env("TESSERA_LOG_FORMAT", "json")
            .envs(more.iter().copied())
            .stdin(Stdio::null());
        Self(command.spawn().expect("starting a worker"))
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn terminate(&mut self) -> ExitStatus {
        let asked = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
