//! The workers: who lives, who died lately, and what they do.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use tessera::heartbeat::CurrentTile;
use tessera::state::WorkerView;

use super::answer::page;
use super::words;
use crate::http::jobs::json::NO_WORKER;
use crate::http::problem::Problem;
use crate::http::services::Services;

/// Tiles in hand that are shown of a worker.
const SHOWN_TILES: usize = 4;
/// A tile in hand for so long is pointed out.
const LONG_MS: u64 = 60_000;

#[derive(Template)]
#[template(path = "workers.html")]
struct WorkersPage {
    rows: Vec<Row>,
    alive: usize,
    notice: Option<&'static str>,
}

/// A worker as pages show it.
pub struct Row {
    /// Its name.
    pub id: String,
    /// Whether it beats.
    pub alive: bool,
    /// In a word.
    pub status: String,
    /// Since its last heartbeat.
    pub age: String,
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Tiles in hand.
    pub busy: u32,
    /// Tiles that it can run at once.
    pub slots: u32,
    /// Tiles finished.
    pub tiles_done: u64,
    /// Tiles failed.
    pub tiles_failed: u64,
    /// Mean time of a tile.
    pub mean: String,
    /// When it was started.
    pub started: String,
    /// Where its health page listens.
    pub health_addr: String,
    /// Whether it reaches the store, in a word or two.
    pub store: &'static str,
    /// Tiles in hand at its last heartbeat, the first few.
    pub current: Vec<Current>,
    /// How many more there are.
    pub more: usize,
}

/// A tile in hand.
pub struct Current {
    /// Its job.
    pub job: String,
    /// Its job's id, shortened: the end, in which ids differ.
    pub short: String,
    /// Which stage, from 1 as people count.
    pub stage: u32,
    /// Which tile.
    pub index: u32,
    /// What is done to it.
    pub operations: String,
    /// For how long.
    pub since: String,
    /// Whether that is long.
    pub is_long: bool,
}

impl From<&CurrentTile> for Current {
    fn from(tile: &CurrentTile) -> Self {
        Self {
            job: tile.job.to_string(),
            short: words::short_id(tile.job),
            stage: tile.stage.saturating_add(1),
            index: tile.index,
            operations: tile.operations.clone(),
            since: words::duration(i64::try_from(tile.for_ms).unwrap_or(i64::MAX)),
            is_long: tile.for_ms >= LONG_MS,
        }
    }
}

impl From<&WorkerView> for Row {
    fn from(view: &WorkerView) -> Self {
        Self {
            id: view.worker.to_string(),
            alive: view.alive,
            status: view.status.clone(),
            age: words::duration(view.age_ms),
            host: view.host.clone(),
            pid: view.pid,
            version: view.version.clone(),
            busy: view.busy,
            slots: view.slots,
            tiles_done: view.tiles_done,
            tiles_failed: view.tiles_failed,
            mean: format!("{:.1} ms", view.mean_ms),
            started: words::time(&view.started_at),
            health_addr: view.health_addr.clone(),
            store: if view.shares_store { "reached" } else { "not reached" },
            current: view.current.iter().take(SHOWN_TILES).map(Current::from).collect(),
            more: view.current.len().saturating_sub(SHOWN_TILES),
        }
    }
}

/// `GET /workers`.
pub async fn show(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let mut workers = services.state.workers().await?;
    workers.sort_by_key(|worker| !worker.alive);
    let alive = workers.iter().filter(|worker| worker.alive).count();
    let notice = (alive == 0).then_some(NO_WORKER);
    page(&WorkersPage { rows: workers.iter().map(Row::from).collect(), alive, notice })
}
