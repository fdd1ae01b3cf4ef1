//! Many small pictures from many connections at once: jobs a second, and what one of them costs.
//!
//! Owns the counting of Redis's commands and of Kafka's records, which all clients of theirs share: nothing else may use
//! them meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tessera::bus::{Group, admin};
use tessera::config::{KafkaArgs, RedisArgs};
use tessera::state::{State, StateOptions};

use super::picture::{self, Kind};
use super::processes::System;
use super::scale::send_all;
use crate::CtlError;
use crate::api::Api;
use crate::job_wait;
use crate::output::Table;
use crate::runtime::{block_on, bus_error};

/// How often it is asked whether all jobs have ended, and how long they may take.
const CALM: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(600);
/// The side of the picture: a JPEG of about 6 KB.
const SIDE: u32 = 128;
const GROUPS: [Group; 3] = [Group::Jobs, Group::Workers, Group::Stitchers];

/// What is measured.
#[derive(Debug)]
pub struct Load<'a> {
    /// Jobs.
    pub jobs: usize,
    /// Uploads at once.
    pub connections: usize,
    /// Where Kafka is, for its records.
    pub kafka: &'a KafkaArgs,
    /// Where Redis is, for its commands.
    pub redis: &'a RedisArgs,
}

/// What it took.
#[derive(Debug)]
pub struct Figures {
    jobs: f64,
    bytes: u64,
    wall_s: f64,
    accepted_s: f64,
    cpu_s: Vec<(String, f64)>,
    commands: BTreeMap<String, u64>,
    records: Vec<(&'static str, u64)>,
}

/// Sends all jobs and waits until they have ended.
///
/// # Errors
/// If a job does not end as `done`, or Kafka or Redis gives no answer.
pub fn measure(api: &Api, system: &System, folder: &Path, load: &Load<'_>) -> Result<Figures, CtlError> {
    let picture = picture::make(folder, SIDE, Kind::Jpeg)?;
    let steps = ["grayscale".to_owned()];
    let warm = send_all(api, &picture.path, &steps, load.jobs.div_ceil(10), load.connections)?;
    wait_for_none(api)?;
    delete(api, &warm);
    system.wait_for_rest();
    let (cpu, counts, started) = (system.cpu(), Counts::take(load)?, Instant::now());
    let ids = send_all(api, &picture.path, &steps, load.jobs, load.connections)?;
    let accepted_s = started.elapsed().as_secs_f64();
    wait_for_none(api)?;
    let wall_s = started.elapsed().as_secs_f64();
    let (after, used) = (Counts::take(load)?, system.cpu());
    for id in &ids {
        job_wait::outcome(id, &api.get(&format!("/jobs/{id}"))?)?;
    }
    delete(api, &ids);
    let used = used.into_iter().zip(cpu).map(|(after, before)| (after - before).max(0.0));
    let more = |name: &String, calls: u64| calls - counts.commands.get(name).copied().unwrap_or(0).min(calls);
    Ok(Figures {
        jobs: ids.len() as f64,
        bytes: std::fs::metadata(&picture.path).map_err(CtlError::file("looking at", &picture.path))?.len(),
        wall_s,
        accepted_s,
        cpu_s: system.processes.iter().map(|process| process.name.clone()).zip(used).collect(),
        commands: after.commands.iter().map(|(name, calls)| (name.clone(), more(name, *calls))).collect(),
        records: after.records.iter().zip(counts.records).map(|(now, before)| (now.0, now.1 - before.1)).collect(),
    })
}

/// Waits until no job is under way.
fn wait_for_none(api: &Api) -> Result<(), CtlError> {
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        let stats = api.get("/stats")?;
        let count = |status: &&str| stats["jobs"][*status].as_u64().unwrap_or(0);
        if ["accepting", "queued", "processing", "finishing"].iter().map(count).sum::<u64>() == 0 {
            return Ok(());
        }
        thread::sleep(CALM);
    }
    Err(CtlError::Failed(format!("there are unfinished jobs after {} s", LIMIT.as_secs())))
}

fn delete(api: &Api, ids: &[String]) {
    for id in ids {
        // A system that cannot delete yet keeps it for its usual time.
        let _ = api.delete(&format!("/jobs/{id}"));
    }
}

struct Counts {
    commands: BTreeMap<String, u64>,
    records: Vec<(&'static str, u64)>,
}

impl Counts {
    fn take(load: &Load<'_>) -> Result<Self, CtlError> {
        block_on(async {
            let failed = |error: tessera::state::StateError| CtlError::Unreachable(format!("asking Redis: {error}"));
            let state = State::lazy(load.redis, StateOptions::default()).map_err(failed)?;
            let commands = state.command_calls().await.map_err(failed)?;
            let mut records = Vec::new();
            for group in GROUPS {
                let partitions = admin::lag(load.kafka, group).await.map_err(|error| bus_error(&error))?;
                let ends = partitions.iter().map(|partition| u64::try_from(partition.end).unwrap_or(0)).sum();
                records.push((group.topic().base_name(), ends));
            }
            Ok(Self { commands, records })
        })
    }
}

impl Figures {
    fn commands(&self) -> Vec<(&str, f64)> {
        let mut all: Vec<(&str, f64)> =
            self.commands.iter().map(|(name, calls)| (name.as_str(), *calls as f64 / self.jobs)).collect();
        all.retain(|(_, calls)| *calls >= 0.05);
        all.sort_by(|one, other| other.1.total_cmp(&one.1));
        all
    }

    /// For people.
    pub fn render(&self) -> String {
        let mut table = Table::new(&["", "CPU ms a job", "cores"]);
        for (name, cpu) in &self.cpu_s {
            table.row([name.clone(), format!("{:.2}", cpu / self.jobs * 1e3), format!("{:.2}", cpu / self.wall_s)]);
        }
        let list = |counts: Vec<(&str, f64)>| {
            counts.iter().map(|(name, count)| format!("{name} {count:.1}")).collect::<Vec<_>>().join(", ")
        };
        let records = self.records.iter().map(|(topic, count)| (*topic, *count as f64 / self.jobs)).collect();
        format!(
            "{} jobs of {} bytes: {:.0} a second, accepted {:.0} a second\n{}Kafka's records a job: {}\n\
             Redis's commands a job, those in scripts too: {}\n",
            self.jobs,
            self.bytes,
            self.jobs / self.wall_s,
            self.jobs / self.accepted_s,
            table.render(),
            list(records),
            list(self.commands()),
        )
    }

    /// Every single figure.
    pub fn to_json(&self) -> Value {
        json!({
            "jobs": self.jobs, "bytes": self.bytes, "wall_s": self.wall_s, "accepted_s": self.accepted_s,
            "cpu_s": self.cpu_s.iter().cloned().collect::<BTreeMap<String, f64>>(),
            "commands": self.commands,
            "records": self.records.iter().copied().collect::<BTreeMap<&str, u64>>(),
        })
    }
}
