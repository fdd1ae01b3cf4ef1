//! One state of a job as watchers are shown it, and the way from one state to the next.
//!
//! Owns what is told of a job, and what a watcher lacks who has an earlier state or comes from elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tessera::job::WorkerId;
use tessera::state::{Glimpse, JobEvent, JobView};

use super::id::{EventId, cursor};
use super::tiles::Tiles;
use crate::http::jobs::json::JobJson;
use crate::http::jobs::tiles::MAX_DRAWN;

/// Fields that never change: they are told once.
const FIXED: [&str; 15] = [
    "id",
    "url",
    "events",
    "original",
    "filename",
    "owner",
    "operations",
    "format",
    "priority",
    "original_width",
    "original_height",
    "result_width",
    "result_height",
    "bytes_in",
    "created_at",
];
/// Fields that are left out while they have no value.
const OPTIONAL: [&str; 2] = ["eta_seconds", "notice"];

/// A state of a job.
#[derive(Debug)]
pub struct Frame {
    id: EventId,
    number: u64,
    view: JobView,
    has_workers: bool,
    job: Map<String, Value>,
    changes: Vec<JobEvent>,
    tiles: Option<Tiles>,
    names: Arc<HashMap<u16, WorkerId>>,
    is_last: bool,
    is_drawn: bool,
    /// The event that leads here from the frame before, which most watchers have.
    step: Option<Bytes>,
}

impl Frame {
    /// The job as it is now, after `before`.
    pub fn new(
        view: JobView,
        has_workers: bool,
        changes: Vec<JobEvent>,
        tiles: Option<Tiles>,
        names: Arc<HashMap<u16, WorkerId>>,
        before: Option<&Self>,
    ) -> Self {
        let job = match serde_json::to_value(JobJson::new(&view, has_workers)) {
            Ok(Value::Object(job)) => job,
            _ => Map::new(),
        };
        let cursor = changes.last().and_then(|change| cursor(&change.id)).unwrap_or_default();
        let (run, stage, received_tiles) = (view.run, view.stage, view.received_tiles);
        let id = EventId { cursor, run, stage, received_tiles, digest: digest(&job) };
        let number = before.map_or(0, |before| before.number + 1);
        let (is_last, is_drawn) = (view.status.is_terminal(), view.total_tiles <= MAX_DRAWN);
        let mut frame =
            Self { id, number, view, has_workers, job, changes, tiles, names, is_last, is_drawn, step: None };
        frame.step = before.and_then(|before| frame.since(before));
        frame
    }

    /// What a watcher sends to resume here.
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// Whether the job has ended: nothing comes after it.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// The last state change.
    pub fn cursor(&self) -> Option<&str> {
        self.changes.last().map(|change| change.id.as_str())
    }

    /// All state changes.
    pub fn changes(&self) -> &[JobEvent] {
        &self.changes
    }

    /// Whether a look has shown nothing that this frame does not have. Cheap: most looks show nothing new.
    pub fn has_all_of(&self, glimpse: &Glimpse, has_workers: bool) -> bool {
        let tiles = self.tiles.as_ref().map(|tiles| &tiles.made);
        let has_tiles = glimpse.tiles.is_none() || tiles == glimpse.tiles.as_ref();
        has_tiles && glimpse.changes.is_empty() && glimpse.view == self.view && has_workers == self.has_workers
    }

    /// Whether it says something that the frame before did not.
    pub fn is_news(&self) -> bool {
        self.step.is_some() || self.number == 0
    }

    /// The stage whose tiles are drawn; `None` if they are too many.
    pub fn drawn_stage(&self) -> Option<u32> {
        self.is_drawn.then_some(self.id.stage)
    }

    /// An event without news: the watcher is told that nothing has changed.
    pub fn nothing_new(&self) -> Bytes {
        self.event("change", &Map::new())
    }

    /// The whole job.
    pub fn snapshot(&self) -> Bytes {
        let mut data = self.job.clone();
        data.insert("changes".to_owned(), told(&self.changes));
        if let Some(tiles) = self.tiles.as_ref().and_then(|tiles| tiles.since(None, &self.names)) {
            data.insert("tiles".to_owned(), tiles);
        }
        self.event("snapshot", &data)
    }

    /// What changed since a frame; `None` if nothing did.
    pub fn after(&self, seen: &Self) -> Option<Bytes> {
        if seen.number == self.number {
            return None;
        }
        if seen.number + 1 == self.number { self.step.clone() } else { self.since(seen) }
    }

    fn since(&self, seen: &Self) -> Option<Bytes> {
        let mut data = Map::new();
        for (name, value) in self.job.iter().filter(|(name, value)| seen.job.get(*name) != Some(value)) {
            data.insert(name.clone(), value.clone());
        }
        for name in seen.job.keys().filter(|name| !self.job.contains_key(*name)) {
            data.insert(name.clone(), Value::Null);
        }
        self.add_changes(&mut data, seen.id.cursor);
        if let Some(tiles) = self.tiles.as_ref().and_then(|tiles| tiles.since(seen.tiles.as_ref(), &self.names)) {
            data.insert("tiles".to_owned(), tiles);
        }
        (!data.is_empty()).then(|| self.event("change", &data))
    }

    /// What may have changed since an event that was sent before, by whomever; `None` if nothing did.
    ///
    /// State changes that are no longer known make it a snapshot.
    pub fn resume(&self, id: &EventId) -> Option<Bytes> {
        if *id == self.id {
            return None;
        }
        let first = self.changes.first().and_then(|change| cursor(&change.id)).unwrap_or_default();
        if id.cursor < first || id.cursor > self.id.cursor {
            return Some(self.snapshot());
        }
        let mut data: Map<String, Value> = OPTIONAL.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        let mutable = self.job.iter().filter(|(name, _)| !FIXED.contains(&name.as_str()));
        data.extend(mutable.map(|(name, value)| (name.clone(), value.clone())));
        self.add_changes(&mut data, id.cursor);
        if let Some(tiles) = self.tiles.as_ref().and_then(|tiles| tiles.since(None, &self.names)) {
            data.insert("tiles".to_owned(), tiles);
        }
        Some(self.event("change", &data))
    }

    fn add_changes(&self, data: &mut Map<String, Value>, after: (u64, u64)) {
        let known = self.changes.partition_point(|change| cursor(&change.id).unwrap_or_default() <= after);
        if known < self.changes.len() {
            data.insert("changes".to_owned(), told(&self.changes[known..]));
        }
    }

    fn event(&self, kind: &str, data: &Map<String, Value>) -> Bytes {
        let data = serde_json::to_string(data).unwrap_or_default();
        Bytes::from(format!("event: {kind}\nid: {}\ndata: {data}\n\n", self.id))
    }
}

/// What was told of the job; the guess about its end changes by itself and does not count.
fn digest(job: &Map<String, Value>) -> u32 {
    let told: Map<String, Value> = job
        .iter()
        .filter(|(name, _)| *name != "eta_seconds")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let digest = Sha256::digest(serde_json::to_vec(&told).unwrap_or_default());
    digest.iter().take(4).fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
}

fn told(changes: &[JobEvent]) -> Value {
    let one = |change: &JobEvent| json!({ "at": change.at, "status": change.status, "text": change.text });
    changes.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
