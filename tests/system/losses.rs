//! Records that are gone in mid-job, and a job that is called ended and is not: it moves again by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tessera::bus::Topic;
use tessera::bus::records::JobCommand;

use crate::support::system::topics::{delete_records, written};
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];
/// How soon a job must move when its records are lost and all services are there.
const MOVES_WITHIN: Duration = Duration::from_secs(60);
/// Tiles that are out at once for one worker.
const OUT: i64 = 8;

/// A system of one worker with a job in the middle, and its picture. Told to call a job stuck sooner than usual.
fn in_the_middle(payload: &str) -> Result<(System, Vec<u8>, String)> {
    let environment = vec![("TESSERA_STALL_MS".to_owned(), "6000".to_owned())];
    let system =
        System::start(&Options { workers: 1, tile_delay_ms: 200, environment, ..Options::default().by(payload) })?;
    let picture = pictures::rgb_png(3000, 2500, 41)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    Ok((system, picture, job))
}

fn received(system: &System, job: &str) -> Result<i64> {
    Ok(system.field(job, "received_tiles")?.unwrap_or_default().parse()?)
}

/// Waits until a job has a new tile, and then for its end.
fn moves_and_ends(system: &System, picture: &[u8], job: &str) -> Result<()> {
    let (before, lost) = (received(system, job)?, Instant::now());
    wait_for("a new tile", MOVES_WITHIN, || Ok((received(system, job)? > before).then_some(())))?;
    println!("moves {:.1} s after its records were lost", lost.elapsed().as_secs_f32());
    system.compare(job, picture, &OPERATIONS)
}

#[test]
fn tasks_that_are_lost_are_sent_again() -> Result<()> {
    lost_tasks("inline")?;
    lost_tasks("shared")
}

fn lost_tasks(payload: &str) -> Result<()> {
    let (mut system, picture, job) = in_the_middle(payload)?;
    system.kill("worker-1")?;
    wait_for("what was sent to be stitched", LONG, || {
        Ok((written(&system.kafka, Topic::Results)? == received(&system, &job)?).then_some(()))
    })?;
    let sent = received(&system, &job)? + OUT;
    wait_for("a full window", LONG, || Ok((written(&system.kafka, Topic::Tasks)? >= sent).then_some(())))?;
    delete_records(&system.kafka, Topic::Tasks)?;
    system.start_worker(1)?;
    system.wait_until_ready()?;
    moves_and_ends(&system, &picture, &job)
}

#[test]
fn results_that_are_lost_are_made_again() -> Result<()> {
    lost_results("inline")?;
    lost_results("shared")
}

fn lost_results(payload: &str) -> Result<()> {
    let (mut system, picture, job) = in_the_middle(payload)?;
    system.kill("stitcher-1")?;
    let made = received(&system, &job)? + OUT;
    wait_for("all that is out to be made", LONG, || {
        Ok((written(&system.kafka, Topic::Results)? >= made).then_some(()))
    })?;
    delete_records(&system.kafka, Topic::Results)?;
    system.restart("stitcher-1")?;
    system.wait_until_ready()?;
    moves_and_ends(&system, &picture, &job)
}

#[test]
fn a_running_job_that_is_called_ended_goes_on_as_if_nothing_had_been_said() -> Result<()> {
    let (system, picture, job) = in_the_middle("auto")?;
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &system.kafka.kafka_brokers).create()?;
    let (headers, payload) = JobCommand::Ended { job: job.parse()? }.encode();
    let mut owned = OwnedHeaders::new();
    for (key, value) in &headers {
        owned = owned.insert(Header { key, value: Some(value) });
    }
    let name = Topic::Jobs.name(&system.kafka);
    producer.send(BaseRecord::to(&name).key(&job).payload(&payload).headers(owned)).map_err(|(error, _)| error)?;
    producer.flush(LONG)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    let passes = system.field(&job, "passes")?;
    ensure!(passes.as_deref() == Some("1"), "its picture was read {passes:?} times");
    Ok(())
}
