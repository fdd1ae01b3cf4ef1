//! A worker's hash: what a heartbeat writes there, and a worker as it reads.

use std::collections::HashMap;

use crate::heartbeat::{CurrentTile, Heartbeat};
use crate::job::{Token, WorkerId};
use crate::store::StoreId;
use crate::time;

/// A worker as its hash describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerView {
    /// Who.
    pub worker: WorkerId,
    /// Whether its hash is there: it beat within the time to live.
    pub alive: bool,
    /// Milliseconds since its last heartbeat was received.
    pub age_ms: i64,
    /// When that was.
    pub last_heartbeat: String,
    /// Which start of it.
    pub incarnation: Option<Token>,
    /// `running` or `draining`; `dead` when it is not alive.
    pub status: String,
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Tiles that it can run at once.
    pub slots: u32,
    /// Tiles that it runs.
    pub busy: u32,
    /// Tiles finished by all its starts.
    pub tiles_done: u64,
    /// Tiles failed by all its starts.
    pub tiles_failed: u64,
    /// Mean time of a tile in milliseconds.
    pub mean_ms: f64,
    /// Milliseconds since it last finished a tile, if it has one in hand.
    pub stuck_ms: Option<u64>,
    /// Tiles in hand at its last heartbeat.
    pub current: Vec<CurrentTile>,
    /// When it started, by its own clock.
    pub started_at: String,
    /// Where its health page listens.
    pub health_addr: String,
    /// The store that it reaches, if it reaches one.
    pub store: Option<StoreId>,
    /// Whether that is the system's: tiles can come to it by slots of the store.
    pub shares_store: bool,
}

impl WorkerView {
    /// How tiles can come to it, in a word: `shared`, by slots of the store, or `inline`, in records.
    pub fn payload(&self) -> &'static str {
        if self.shares_store { "shared" } else { "inline" }
    }
}

/// A worker's counters over all its starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerCounters {
    /// Tiles finished.
    pub tiles_done: u64,
    /// Tiles failed.
    pub tiles_failed: u64,
}

/// What a heartbeat says, as the fields of a hash; `time` is when it was received.
pub(super) fn fields(beat: &Heartbeat, time: String) -> Vec<(&'static str, String)> {
    let current = serde_json::to_string(&beat.current).unwrap_or_default();
    vec![
        ("status", beat.status.clone()),
        ("host", beat.host.clone()),
        ("pid", beat.pid.to_string()),
        ("version", beat.version.clone()),
        ("slots", beat.slots.to_string()),
        ("busy", beat.busy.to_string()),
        ("mean_ms", format!("{:.3}", beat.mean_ms)),
        ("stuck_ms", beat.stuck_ms.map(|ms| ms.to_string()).unwrap_or_default()),
        ("current", current),
        ("started_at", beat.started_at.clone()),
        ("health_addr", beat.health_addr.clone()),
        ("store", beat.store.map(|store| store.to_string()).unwrap_or_default()),
        ("last_heartbeat", time),
    ]
}

/// Totals of the answer to `HMGET base_done done base_failed failed`, the second of `values`.
pub(super) fn totals(values: &[redis::Value]) -> WorkerCounters {
    let numbers: Vec<Option<u64>> =
        values.get(1).and_then(|value| redis::from_redis_value(value.clone()).ok()).unwrap_or_default();
    let number = |at: usize| numbers.get(at).copied().flatten().unwrap_or(0);
    WorkerCounters {
        tiles_done: number(0).saturating_add(number(1)),
        tiles_failed: number(2).saturating_add(number(3)),
    }
}

/// A worker by its hash, which was last written at `seen_ms`; its totals are kept apart.
pub(super) fn view(worker: WorkerId, mut hash: HashMap<String, String>, seen_ms: i64, redis_ms: i64) -> WorkerView {
    let alive = !hash.is_empty();
    let mut text = |name: &str| hash.remove(name).unwrap_or_default();
    let status = text("status");
    WorkerView {
        worker,
        alive,
        age_ms: (redis_ms - seen_ms).max(0),
        last_heartbeat: time::text(seen_ms),
        incarnation: text("incarnation").parse().ok(),
        status: if alive { status } else { "dead".to_owned() },
        host: text("host"),
        pid: text("pid").parse().unwrap_or(0),
        version: text("version"),
        slots: text("slots").parse().unwrap_or(0),
        busy: text("busy").parse().unwrap_or(0),
        tiles_done: 0,
        tiles_failed: 0,
        mean_ms: text("mean_ms").parse().unwrap_or(0.0),
        stuck_ms: text("stuck_ms").parse().ok(),
        current: serde_json::from_str(&text("current")).unwrap_or_default(),
        started_at: text("started_at"),
        health_addr: text("health_addr"),
        store: text("store").parse().ok(),
        shares_store: false,
    }
}
