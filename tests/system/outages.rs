//! Kafka or Redis frozen, stopped, killed or emptied in mid-job, each a broker of the test's own: jobs wait and end
//! `done` with the same bytes, and nothing is left over.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::support::brokers::Broker;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];
/// How long a broker may take to end when asked.
const END_LIMIT: Duration = Duration::from_secs(30);

fn with_own(broker: Broker) -> Result<System> {
    System::start(&Options { tile_delay_ms: 150, own: vec![broker], ..Options::default() })
}

/// A job that is under way, with its picture.
fn begun(system: &System, seed: u32) -> Result<(String, Vec<u8>)> {
    let picture = pictures::rgb_png(2500, 2000, seed)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    Ok((job, picture))
}

/// Waits until an upload is put off before it is read, and says when to come again.
fn refuses_uploads(system: &System) -> Result<()> {
    let refused = wait_for("a refusal", LONG, || {
        let answer = system.post("p.png", &pictures::rgb_png(30, 30, 1)?, &OPERATIONS)?;
        Ok((answer.status == 503).then_some(answer))
    })?;
    ensure!(refused.header("retry-after").is_some(), "{refused:?}");
    Ok(())
}

/// Stops a broker, first in order and then by `kill -9`, each time in the middle of a job.
fn survives_restarts(broker: Broker) -> Result<()> {
    let mut system = with_own(broker)?;
    let (first, first_picture) = begun(&system, 81)?;
    system.process(broker.name())?.terminate(END_LIMIT)?;
    system.restart(broker.name())?;
    system.compare(&first, &first_picture, &OPERATIONS)?;
    system.wait_until_ready()?;
    let (second, second_picture) = begun(&system, 82)?;
    system.kill(broker.name())?;
    refuses_uploads(&system)?;
    system.restart(broker.name())?;
    system.compare(&second, &second_picture, &OPERATIONS)?;
    system.wait_until_ready()?;
    system.leaves_nothing(&[&first, &second])
}

#[test]
fn a_kafka_that_is_stopped_and_killed_is_survived() -> Result<()> {
    survives_restarts(Broker::Kafka)
}

#[test]
fn a_redis_that_is_stopped_and_killed_is_survived() -> Result<()> {
    survives_restarts(Broker::Redis)
}

#[test]
fn a_kafka_that_is_frozen_for_half_a_minute_is_survived() -> Result<()> {
    let mut system = with_own(Broker::Kafka)?;
    let (job, picture) = begun(&system, 83)?;
    let frozen = Instant::now();
    system.process("kafka")?.signal(libc::SIGSTOP)?;
    refuses_uploads(&system)?;
    wait_for("half a minute without Kafka", LONG, || {
        let view = system.job(&job)?;
        ensure!(view["status"] == "processing", "the job did not wait for Kafka: {view}");
        Ok((frozen.elapsed() >= Duration::from_secs(30)).then_some(()))
    })?;
    system.process("kafka")?.signal(libc::SIGCONT)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    system.wait_until_ready()?;
    system.leaves_nothing(&[&job])
}

#[test]
fn a_redis_that_lost_everything_is_filled_again_from_the_store() -> Result<()> {
    let mut system = with_own(Broker::Redis)?;
    let small = pictures::rgb_png(600, 500, 84)?;
    let done = system.submit_and_compare(&small, &OPERATIONS)?;
    let (flushed, flushed_picture) = begun(&system, 85)?;
    redis::cmd("FLUSHALL").exec(&mut system.connection()?)?;
    system.compare(&flushed, &flushed_picture, &OPERATIONS)?;
    let (lost, lost_picture) = begun(&system, 86)?;
    system.kill("redis")?;
    Broker::Redis.lose_data(system.folder.path())?;
    system.restart("redis")?;
    system.compare(&lost, &lost_picture, &OPERATIONS)?;
    system.wait_until_ready()?;
    // What was done before is done still.
    system.compare(&done, &small, &OPERATIONS)?;
    system.compare(&flushed, &flushed_picture, &OPERATIONS)?;
    system.leaves_nothing(&[&done, &flushed, &lost])
}
