//! Workers: their heartbeats, who is alive, and small numbers for their names.
//!
//! Times are those of receipt, by the clock of Redis. The number of ids is bounded; a worker is alive while its hash is
//! there. A program that can write to `heartbeats` can invent workers: those that took their name in Redis are never
//! pushed out by others, which have places of their own.

mod view;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::client::State;
use super::error::StateError;
use super::history::WorkerTile;
use super::keys::NameKind;
use super::script::{self, Answer, Call};
use crate::heartbeat::Heartbeat;
use crate::job::{Token, WorkerId};
use crate::store::StoreId;
use crate::time;

pub use view::{WorkerCounters, WorkerView};
use view::{fields, totals, view};

/// Ids that are remembered, live and recently dead.
const MAX_WORKERS: i64 = 4096;
/// How long totals and history of a dead worker are kept.
const KEEP_TOTALS: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a dead worker is shown.
const SHOW_DEAD: Duration = Duration::from_secs(24 * 3600);
/// Workers that took no name in Redis, live and recently dead.
const MAX_STRANGERS: usize = 256;
/// How long such a one is remembered.
const KEEP_STRANGER: Duration = Duration::from_secs(3600);
/// Longer than any worker lives without a heartbeat.
const LONGEST_LIFE: Duration = Duration::from_secs(2 * 3600);

/// What became of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The worker is alive.
    Noted,
    /// Another start of a worker has the name.
    Other,
    /// It took no name in Redis, and too many such were heard lately.
    TooMany,
}

/// The workers that take tiles now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crew {
    /// Tiles that they can run at once.
    pub slots: u32,
    /// How many there are.
    pub workers: u32,
    /// How many of them reach the store that was asked about.
    pub sharing: u32,
}

impl Crew {
    /// Whether there are workers, and all of them reach the store.
    pub fn all_share(&self) -> bool {
        self.workers > 0 && self.sharing >= self.workers
    }
}

impl State {
    /// Takes a heartbeat that was received now: the worker is alive for `ttl`.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn beat(&self, beat: &Heartbeat, ttl: Duration) -> Result<Heard, StateError> {
        let heard = self.beats(std::slice::from_ref(beat), ttl).await?;
        heard.first().copied().ok_or_else(|| StateError::Data("no answer to a heartbeat".to_owned()))
    }

    /// As [`State::beat`] for several, in one pipeline; answers are in the order of the heartbeats.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn beats(&self, beats: &[Heartbeat], ttl: Duration) -> Result<Vec<Heard>, StateError> {
        let redis_ms = self.redis_ms().await?;
        let calls = beats.iter().map(|beat| self.beat_call(beat, ttl, redis_ms)).collect();
        let heard = |answer: &Answer| match answer.word() {
            "made" => Ok(Heard::Noted),
            "other" => Ok(Heard::Other),
            "full" => Ok(Heard::TooMany),
            _ => Err(answer.unexpected()),
        };
        self.scripts(calls).await?.into_iter().map(|answer| heard(&answer?)).collect()
    }

    fn beat_call(&self, beat: &Heartbeat, ttl: Duration, redis_ms: i64) -> Call {
        let worker = &beat.worker;
        let call = script::BEAT.call().key(self.keys.worker(worker)).key(self.keys.worker_totals(worker));
        let call = call.key(self.keys.worker_history(worker)).key(self.keys.workers()).key(self.keys.strangers());
        let call = call.key(self.keys.name(NameKind::Worker, worker.as_str()));
        let call = call.arg(&beat.incarnation).arg(beat.tiles_done).arg(beat.tiles_failed).arg(ttl.as_secs().max(1));
        let call = call.arg(KEEP_TOTALS.as_secs()).arg(beat.finished.len()).arg(worker);
        let call = call.arg(MAX_WORKERS).arg(SHOW_DEAD.as_millis());
        let call = call.arg(MAX_STRANGERS).arg(KEEP_STRANGER.as_secs());
        let line = |tile| WorkerTile::of(tile, redis_ms).line();
        let call = call.args(beat.finished.iter().flat_map(|tile| [tile.number.to_string(), line(tile)]));
        let fields = fields(beat, time::text(redis_ms));
        call.args(fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]))
    }

    /// Takes a worker that stopped in order off the live ones; it is shown as dead for a while.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn worker_left(&self, worker: &WorkerId) -> Result<(), StateError> {
        self.query(redis::cmd("DEL").arg(self.keys.worker(worker))).await
    }

    /// The live and the recently dead workers, by name.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, StateError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys.workers()).arg(0).arg(-1).arg("WITHSCORES");
        let seen: Vec<(String, f64)> = self.of_shared_keys(async || self.query(&command).await).await?;
        let seen = seen.into_iter().filter_map(|(id, at)| Some((id.parse().ok()?, at as i64))).collect();
        let mut views = self.worker_views(seen).await?;
        views.sort_by(|a, b| a.worker.cmp(&b.worker));
        Ok(views)
    }

    /// A worker that lives or died recently.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn worker(&self, worker: &WorkerId) -> Result<Option<WorkerView>, StateError> {
        let mut command = redis::cmd("ZSCORE");
        let seen: Option<f64> = self.query(command.arg(self.keys.workers()).arg(worker.as_str())).await?;
        let Some(seen) = seen else { return Ok(None) };
        Ok(self.worker_views(vec![(worker.clone(), seen as i64)]).await?.pop())
    }

    async fn worker_views(&self, seen: Vec<(WorkerId, i64)>) -> Result<Vec<WorkerView>, StateError> {
        if seen.is_empty() {
            return Ok(Vec::new());
        }
        let redis_ms = self.redis_ms().await?;
        let mut pipeline = redis::pipe();
        pipeline.cmd("HGET").arg(self.keys.system_store()).arg("id");
        for (worker, _) in &seen {
            pipeline.cmd("HGETALL").arg(self.keys.worker(worker));
            pipeline.cmd("HMGET").arg(self.keys.worker_totals(worker)).arg(&[
                "base_done",
                "done",
                "base_failed",
                "failed",
            ]);
        }
        let values = self.pipeline_lenient(&mut pipeline).await?;
        let (system, values) = values.split_at(values.len().min(1));
        let system: Option<String> = system.first().and_then(|id| redis::from_redis_value(id.clone()).ok()).flatten();
        let system: Option<StoreId> = system.and_then(|id| id.parse().ok());
        let views = seen.into_iter().zip(values.chunks(2)).map(|((worker, at), values)| {
            let hash = values.first().and_then(|hash| redis::from_redis_value(hash.clone()).ok()).unwrap_or_default();
            let view = view(worker, hash, at, redis_ms);
            let WorkerCounters { tiles_done, tiles_failed } = totals(values);
            let shares_store = system.is_some() && view.store == system;
            WorkerView { tiles_done, tiles_failed, shares_store, ..view }
        });
        Ok(views.collect())
    }

    /// The starts of workers that beat within the time to live.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn live_incarnations(&self) -> Result<HashSet<Token>, StateError> {
        let answer = self.live("starts", None).await?;
        Ok(answer.text(1).split(',').filter_map(|token| token.parse().ok()).collect())
    }

    /// Tiles that the live workers can run at once.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn live_slots(&self) -> Result<u32, StateError> {
        self.live("slots", None).await?.parse(1)
    }

    /// The workers that take tiles, and how many of them reach `store`.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn crew(&self, store: Option<StoreId>) -> Result<Crew, StateError> {
        let answer = self.live("slots", store).await?;
        let sharing = if store.is_some() { answer.parse(3)? } else { 0 };
        Ok(Crew { slots: answer.parse(1)?, workers: answer.parse(2)?, sharing })
    }

    /// One question, however many workers there are.
    async fn live(&self, what: &str, store: Option<StoreId>) -> Result<Answer, StateError> {
        let call = script::LIVE.call().key(self.keys.workers()).arg(self.keys.worker_prefix());
        let store = store.map(|store| store.to_string()).unwrap_or_default();
        self.script(call.arg(LONGEST_LIFE.as_millis()).arg(what).arg(store)).await
    }

    /// A small number for a worker's name, the same at every call; 0 when all 65,535 are taken.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn worker_number(&self, worker: &WorkerId) -> Result<u16, StateError> {
        let call = || script::WORKER_NUMBER.call().key(self.keys.worker_numbers()).arg(worker).arg(u16::MAX);
        self.of_shared_keys(async || self.script(call()).await).await?.parse(1)
    }

    /// The names behind the small numbers.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn worker_names(&self) -> Result<HashMap<u16, WorkerId>, StateError> {
        let numbers: HashMap<String, u16> = self.query(redis::cmd("HGETALL").arg(self.keys.worker_numbers())).await?;
        Ok(numbers.into_iter().filter_map(|(name, number)| Some((number, name.parse().ok()?))).collect())
    }

    /// A worker's counters over all its starts.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn worker_counters(&self, worker: &WorkerId) -> Result<WorkerCounters, StateError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.worker_totals(worker)).arg(&["base_done", "done", "base_failed", "failed"]);
        let value: redis::Value = self.query(&command).await?;
        Ok(totals(&[redis::Value::Nil, value]))
    }
}
