//! Kafka's logs: what is finished goes, and more partitions are used as soon as they are there.

use anyhow::{Result, ensure};
use tessera::bus::admin::{self, PartitionLag};
use tessera::bus::{BusError, Group};
use tessera::config::KafkaArgs;

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

fn on_runtime<T>(task: impl Future<Output = Result<T, BusError>>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(task)?)
}

fn lag(system: &System, group: Group) -> Result<Vec<PartitionLag>> {
    on_runtime(admin::lag(&system.kafka, group))
}

/// Sends a picture of 35 tiles and compares its bytes.
fn send(system: &System, seed: u32) -> Result<()> {
    system.submit_and_compare(&pictures::rgb_png(3500, 2500, seed)?, &["invert"]).map(drop)
}

#[test]
fn what_is_finished_is_removed_from_kafka_and_jobs_go_on() -> Result<()> {
    let system = System::start(&Options::default())?;
    for seed in 1..=2 {
        send(&system, seed)?;
        for group in [Group::Workers, Group::Stitchers] {
            wait_for("the log to be empty", LONG, || {
                let partitions = lag(&system, group).unwrap_or_default();
                let is_empty = |of: &PartitionLag| of.begin == of.end;
                let sent: i64 = partitions.iter().map(|of| of.end).sum();
                Ok((sent >= 35 && partitions.iter().all(is_empty)).then_some(()))
            })?;
        }
    }
    Ok(())
}

#[test]
fn partitions_that_are_added_are_used_within_a_minute() -> Result<()> {
    let system = System::start(&Options::default())?;
    send(&system, 3)?;
    let more = KafkaArgs { tasks_partitions: 24, ..system.kafka.clone() };
    on_runtime(admin::raise_topics(&more))?;
    let mut seed = 3;
    wait_for("tiles in the new partitions", LONG, || {
        seed += 1;
        send(&system, seed)?;
        let new = lag(&system, Group::Workers)?.into_iter().filter(|of| of.partition >= 16 && of.end > 0).count();
        Ok((new > 0).then_some(()))
    })?;
    // What the operator is told agrees: the services were started with 16.
    for command in [&["topics", "check"][..], &["topics", "create"]] {
        let output = system.command(command)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let created = system.command(&["topics", "create"])?;
    let said = String::from_utf8_lossy(&created.stdout).into_owned();
    let tasks = said.lines().find(|line| line.split_whitespace().next().is_some_and(|name| name.ends_with("tasks")));
    ensure!(tasks.is_some_and(|line| line.contains(" 24 ")), "{said}");
    Ok(())
}
