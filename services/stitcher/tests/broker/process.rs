//! A stitcher's process, and what it has not acknowledged.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};

use tessera::bus::{Group, admin};

use crate::support::Rig;

/// A stitcher that is killed when it is dropped.
pub struct Stitcher(Child);

impl Stitcher {
    pub fn start(rig: &Rig, name: &str) -> Self {
        let log =
            File::options().create(true).append(true).open(rig.folder.path().join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-stitcher"));
        command
            .env("TESSERA_KAFKA_BROKERS", &rig.kafka.kafka_brokers)
            .env("TESSERA_TOPIC_PREFIX", &rig.kafka.topic_prefix)
            .env("TESSERA_RESULTS_PARTITIONS", rig.kafka.results_partitions.to_string())
            .env("TESSERA_REDIS_URL", &rig.redis.redis_url)
            .env("TESSERA_KEY_PREFIX", &rig.redis.key_prefix)
            .env("TESSERA_STORE", &rig.store.store)
            .env("TESSERA_SCRATCH_DIR", &rig.store.scratch_dir)
            .env("TESSERA_RUN_DIR", rig.folder.path().join("run"))
            .env("TESSERA_SPOOL_SWEEP_SECONDS", "1")
            .env("TESSERA_NAME", name)
            .env("RUST_LOG", "debug,rdkafka=off,librdkafka=off")
            .stdin(Stdio::null())
            .stderr(log);
        Self(command.spawn().expect("starting a stitcher"))
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn terminate(mut self) -> ExitStatus {
        let asked = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap()
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
