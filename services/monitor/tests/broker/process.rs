//! A monitor's process.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::support::Rig;

/// A monitor that is killed when it is dropped.
pub struct Monitor(pub Child);

impl Monitor {
    pub fn start(rig: &Rig, name: &str, more: &[(&str, &str)]) -> Self {
        let log =
            File::options().create(true).append(true).open(rig.folder.path().join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-monitor"));
        command
            .env("TESSERA_KAFKA_BROKERS", &rig.kafka.kafka_brokers)
            .env("TESSERA_TOPIC_PREFIX", &rig.kafka.topic_prefix)
            .env("TESSERA_RESULTS_PARTITIONS", rig.kafka.results_partitions.to_string())
            .env("TESSERA_REDIS_URL", &rig.redis.redis_url)
            .env("TESSERA_KEY_PREFIX", &rig.redis.key_prefix)
            .env("TESSERA_STORE", &rig.store.store)
            .env("TESSERA_SCRATCH_DIR", &rig.store.scratch_dir)
            .env("TESSERA_RUN_DIR", rig.folder.path().join("run"))
            .env("TESSERA_NAME", name)
            .env("TESSERA_SWEEP_MS", "50")
            .env("TESSERA_JANITOR_SECONDS", "1")
            .env("RUST_LOG", "debug,rdkafka=off,librdkafka=off")
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stderr(log);
        Self(command.spawn().expect("starting a monitor"))
    }

    pub fn terminate(mut self) -> ExitStatus {
        let asked = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
