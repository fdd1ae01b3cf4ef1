//! One worker: how it does, what it has in hand, and the tiles that it finished last.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use tessera::heartbeat::TileOutcome;
use tessera::state::WorkerTile;

use super::answer::page;
use super::words;
use super::workers::Row;
use crate::http::problem::Problem;
use crate::http::services::Services;
use crate::http::workers::find_worker;

#[derive(Template)]
#[template(path = "worker.html")]
struct WorkerPage {
    worker: Row,
    tiles: Vec<Finished>,
}

/// A tile of the history.
struct Finished {
    at: String,
    job: String,
    short: String,
    stage: u32,
    index: u32,
    operations: String,
    took: String,
    is_done: bool,
}

impl From<&WorkerTile> for Finished {
    fn from(tile: &WorkerTile) -> Self {
        Self {
            at: words::time(&tile.at),
            job: tile.job.to_string(),
            short: words::short_id(tile.job),
            stage: tile.stage.saturating_add(1),
            index: tile.index,
            operations: tile.operations.clone(),
            took: format!("{:.1} ms", tile.ms),
            is_done: tile.outcome == TileOutcome::Done,
        }
    }
}

/// `GET /workers/{id}`.
pub async fn show(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let (view, history) = find_worker(&services, &id).await?;
    page(&WorkerPage { worker: Row::from(&view), tiles: history.iter().map(Finished::from).collect() })
}
