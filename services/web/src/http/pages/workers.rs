//! The workers: who lives, who died lately, and what they do.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use tessera::state::WorkerView;

use super::{page, words};
use crate::http::job_json::NO_WORKER;
use crate::http::problem::Problem;
use crate::http::services::Services;

#[derive(Template)]
#[template(path = "workers.html")]
struct WorkersPage {
    rows: Vec<Row>,
    alive: usize,
    notice: Option<&'static str>,
}

struct Row {
    id: String,
    alive: bool,
    status: String,
    age: String,
    host: String,
    pid: u32,
    busy: u32,
    slots: u32,
    tiles_done: u64,
    tiles_failed: u64,
    mean: String,
    started: String,
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
            busy: view.busy,
            slots: view.slots,
            tiles_done: view.tiles_done,
            tiles_failed: view.tiles_failed,
            mean: format!("{:.1} ms", view.mean_ms),
            started: words::time(&view.started_at),
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
