//! What came on `results`: tiles, checks and rubbish.
//!
//! Owns reading a record and comparing it with the job's plan. Decides nothing that needs Redis.

use tessera::bus::Delivery;
use tessera::bus::records::{Check, RecordError, TileHeader};
use tessera::job::JobId;
use tessera::telemetry::parts::read_record;

use crate::manifests::KnownJob;

/// A record that was read.
#[derive(Debug)]
pub enum Record {
    /// A tile, whose sizes and checksum agree with its pixels.
    Tile(Box<TileHeader>, Delivery),
    /// A request to look at a spool.
    Check(Check, Delivery),
    /// Nothing that belongs here.
    Rubbish(Rubbish),
}

/// A record for the dead letters.
#[derive(Debug)]
pub struct Rubbish {
    /// The record.
    pub delivery: Delivery,
    /// What kind of error it is.
    pub class: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Rubbish {
    /// A record that is refused because of `message`.
    pub fn new(delivery: Delivery, class: &'static str, message: impl Into<String>) -> Self {
        Self { delivery, class, message: message.into() }
    }
}

/// Reads records. Takes a checksum over all pixels: not for async code.
pub fn read_all(deliveries: Vec<Delivery>) -> Vec<Record> {
    deliveries.into_iter().map(read).collect()
}

/// What a record says that it is.
enum Said {
    Tile(Box<TileHeader>),
    Check(Check),
}

fn read(delivery: Delivery) -> Record {
    match said(&delivery) {
        Ok(Ok(Said::Tile(tile))) => of_its_key(delivery, tile.job, |delivery| Record::Tile(tile, delivery)),
        Ok(Ok(Said::Check(check))) => of_its_key(delivery, check.job, |delivery| Record::Check(check, delivery)),
        Ok(Err(error)) => Record::Rubbish(Rubbish::new(delivery, class(&error), error.to_string())),
        Err(panicked) => Record::Rubbish(Rubbish::new(delivery, "panic", panicked)),
    }
}

fn said(delivery: &Delivery) -> Result<Result<Said, RecordError>, String> {
    read_record(|| match Check::is_check(&delivery.headers) {
        true => Check::decode(&delivery.headers).map(Said::Check),
        false => TileHeader::decode(&delivery.headers, &delivery.payload).map(|tile| Said::Tile(Box::new(tile))),
    })
}

/// The job that a record is about, and what of it, if it can be read.
pub fn whose(delivery: &Delivery) -> Option<(JobId, String)> {
    match said(delivery).ok()?.ok()? {
        Said::Tile(tile) => Some((tile.job, format!("tile {} of stage {}", tile.index, tile.stage))),
        Said::Check(check) => Some((check.job, format!("a look at stage {}", check.stage))),
    }
}

/// A record under another job's key is in a partition whose stitcher has nothing to say about the job.
fn of_its_key(delivery: Delivery, job: JobId, record: impl FnOnce(Delivery) -> Record) -> Record {
    if delivery.key.as_deref() == Some(job.to_string().as_bytes()) {
        return record(delivery);
    }
    Record::Rubbish(Rubbish::new(delivery, "key", format!("a record of job {job} under another key")))
}

fn class(error: &RecordError) -> &'static str {
    match error {
        RecordError::Schema { .. } => "schema",
        RecordError::Json(_) => "json",
        RecordError::Size(_) => "size",
        RecordError::Checksum { .. } => "checksum",
    }
}

/// Compares a tile with the plan of its job.
///
/// # Errors
/// What does not agree.
pub fn check_plan(tile: &TileHeader, job: &KnownJob) -> Result<(), String> {
    if tile.plan != job.plan {
        return Err(format!("a tile cut by plan {}, the job's is {}", tile.plan, job.plan));
    }
    let stage = job.manifest.plan.stage(tile.stage);
    let stage = stage
        .ok_or_else(|| format!("a tile of stage {}, the job has {}", tile.stage, job.manifest.plan.stages.len()))?;
    let rect = stage.turned_grid().rect(tile.index);
    let rect = rect.ok_or_else(|| format!("tile {}, the stage has {}", tile.index, stage.grid().tiles()))?;
    if !tile.fits(rect.width, rect.height, stage.output.format) {
        return Err(format!(
            "tile {} is {}x{}, the plan says {}x{}",
            tile.index, tile.width, tile.height, rect.width, rect.height
        ));
    }
    if tile.result.is_some() != stage.is_whole() {
        return Err(format!("tile {} comes as a whole result or not, the plan says otherwise", tile.index));
    }
    if tile.statistic.map(|words| words as usize) != stage.statistic_words() {
        return Err(format!("tile {} has {:?} words measured", tile.index, tile.statistic));
    }
    Ok(())
}
