//! The main path: a picture goes through everything and comes out with the reference's bytes.

use anyhow::{Context, Result, ensure};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use redis::Commands;
use tessera::bus::Group;

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

/// Waits until a group has committed everything that its topic holds.
fn all_committed(system: &System, group: Group) -> Result<()> {
    let kafka = &system.kafka;
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &kafka.kafka_brokers)
        .set("group.id", group.name(kafka))
        .create()?;
    let topic = group.topic();
    let partitions = topic.settings(kafka).partitions;
    wait_for(&format!("{group:?} to commit all"), LONG, || {
        for partition in 0..partitions {
            let limit = std::time::Duration::from_secs(5);
            let (_, end) = consumer.fetch_watermarks(&topic.name(kafka), partition, limit)?;
            let mut list = TopicPartitionList::new();
            list.add_partition(&topic.name(kafka), partition);
            let committed = consumer.committed_offsets(list, limit)?;
            let offset = committed.elements().first().and_then(|element| element.offset().to_raw());
            drop(committed);
            if end > 0 && offset != Some(end) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

#[test]
fn first_light() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(1537, 1100, 1)?;
    for operations in [vec!["grayscale"], vec!["gaussian_blur:ksize=51", "invert"]] {
        let job = system.submit_and_compare(&picture, &operations)?;
        let mut redis = system.connection()?;
        let key = system.job_key(&job);
        let total: u64 = system.field(&job, "total_tiles")?.context("no total_tiles")?.parse()?;
        assert_eq!(system.field(&job, "received_tiles")?, Some(total.to_string()));
        assert_eq!(redis.bit_count_of(&format!("{key}:tiles:0"))?, total);
        let tries: u64 = wait_for("no tile in hand", LONG, || {
            let left: u64 = redis.hlen(format!("{key}:tries:0"))?;
            Ok((left == 0).then_some(left))
        })?;
        assert_eq!(tries, 0);
        let kept: i64 = redis.ttl(&key)?;
        assert!(kept > 7 * 24 * 3600, "the ended job expires in {kept} s");
    }
    for group in [Group::Jobs, Group::Workers, Group::Stitchers] {
        all_committed(&system, group)?;
    }
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))?;
    files_are_their_owner_s_alone(&system)
}

/// No other user of the machine reads the pictures.
fn files_are_their_owner_s_alone(system: &System) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for folder in ["store", "scratch"] {
        let root = system.folder.path().join(folder);
        let mode = std::fs::metadata(&root)?.permissions().mode() & 0o777;
        ensure!(mode == 0o700, "{folder}: {mode:o}");
        for file in system.files(folder) {
            let mode = std::fs::metadata(root.join(&file))?.permissions().mode() & 0o777;
            ensure!(mode == 0o600, "{folder}/{}: {mode:o}", file.display());
        }
    }
    Ok(())
}

trait BitCount {
    fn bit_count_of(&mut self, key: &str) -> Result<u64>;
}

impl BitCount for redis::Connection {
    fn bit_count_of(&mut self, key: &str) -> Result<u64> {
        Ok(redis::cmd("BITCOUNT").arg(key).query(self)?)
    }
}

#[test]
fn every_shape_and_depth_comes_out_as_the_reference() -> Result<()> {
    use png::{BitDepth::Eight, BitDepth::Sixteen, ColorType};
    let system = System::start(&Options::default())?;
    let cases = [
        (1, 1, ColorType::Rgb, Eight, 3),
        (1, 700, ColorType::Grayscale, Eight, 1),
        (700, 1, ColorType::GrayscaleAlpha, Eight, 2),
        (513, 511, ColorType::Rgba, Eight, 4),
        (600, 530, ColorType::Rgb, Sixteen, 6),
    ];
    for (width, height, color, depth, bytes_per_pixel) in cases {
        let samples = pictures::rgb(width * 2, height, 3);
        let picture =
            pictures::png(width, height, color, depth, &samples[..(width * height * bytes_per_pixel) as usize])?;
        system.submit_and_compare(&picture, &["gaussian_blur:ksize=15", "grayscale", "invert"])?;
    }
    Ok(())
}

#[test]
fn a_chain_too_wide_for_one_trip_takes_several() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(900, 700, 5)?;
    let wide = "gaussian_blur:ksize=255";
    let job = system.submit_and_compare(&picture, &[wide, wide, wide, wide, "grayscale"])?;
    let stages: u32 = system.field(&job, "stages")?.context("no stages")?.parse()?;
    ensure!(stages > 1, "{stages} stages");
    let rows = system.files("store").into_iter().filter(|file| file.to_string_lossy().contains("rows")).count();
    assert_eq!(rows, 0, "rows between stages stay in the store");
    Ok(())
}

#[test]
fn two_jobs_at_once_do_not_disturb_each_other() -> Result<()> {
    let system = System::start(&Options::default())?;
    let pictures = [pictures::rgb_png(1500, 1400, 6)?, pictures::rgb_png(1400, 1500, 7)?];
    let operations = [vec!["gaussian_blur:ksize=9"], vec!["invert"]];
    let jobs = [system.submit(&pictures[0], &operations[0])?, system.submit(&pictures[1], &operations[1])?];
    for i in [0, 1] {
        system.compare(&jobs[i], &pictures[i], &operations[i])?;
    }
    Ok(())
}
