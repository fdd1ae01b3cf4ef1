//! What the system is and how it does: operations, workers, counts.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tessera::heartbeat::CurrentTile;
use tessera::operation::registry;
use tessera::state::WorkerView;

use crate::http::problem::Problem;
use crate::http::services::Services;
use crate::http::workers::find_worker;

/// A worker in an answer of the interface.
#[derive(Debug, Serialize)]
struct WorkerJson {
    id: String,
    alive: bool,
    status: String,
    age_ms: i64,
    last_heartbeat: String,
    host: String,
    pid: u32,
    version: String,
    incarnation: Option<String>,
    slots: u32,
    busy: u32,
    tiles_done: u64,
    tiles_failed: u64,
    mean_ms: f64,
    stuck_ms: Option<u64>,
    current: Vec<CurrentTile>,
    started_at: String,
    health_addr: String,
    payload: &'static str,
}

impl From<WorkerView> for WorkerJson {
    fn from(view: WorkerView) -> Self {
        Self {
            payload: view.payload(),
            id: view.worker.to_string(),
            alive: view.alive,
            status: view.status,
            age_ms: view.age_ms,
            last_heartbeat: view.last_heartbeat,
            host: view.host,
            pid: view.pid,
            version: view.version,
            incarnation: view.incarnation.map(|token| token.to_string()),
            slots: view.slots,
            busy: view.busy,
            tiles_done: view.tiles_done,
            tiles_failed: view.tiles_failed,
            mean_ms: view.mean_ms,
            stuck_ms: view.stuck_ms,
            current: view.current,
            started_at: view.started_at,
            health_addr: view.health_addr,
        }
    }
}

/// `GET /api/v1/operations`.
pub async fn operations() -> HttpResponse {
    HttpResponse::Ok().json(json!({"operations": registry()}))
}

/// `GET /api/v1/workers`.
pub async fn workers(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let workers: Vec<WorkerJson> = services.state.workers().await?.into_iter().map(WorkerJson::from).collect();
    Ok(HttpResponse::Ok().json(json!({"workers": workers})))
}

/// `GET /api/v1/workers/{id}`: the worker and the tiles that it finished last.
pub async fn worker(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let (view, history) = find_worker(&services, &id).await?;
    let mut answer = serde_json::to_value(WorkerJson::from(view))
        .map_err(|error| Problem::internal("describing a worker", error))?;
    answer["history"] = json!(history);
    Ok(HttpResponse::Ok().json(answer))
}

/// `GET /api/v1/stats`.
pub async fn stats(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let counts = services.state.counts().await?;
    let jobs: Map<String, Value> =
        counts.into_iter().map(|(status, count)| (status.to_string(), count.into())).collect();
    let workers = services.state.workers().await?;
    let alive: Vec<&WorkerView> = workers.iter().filter(|worker| worker.alive).collect();
    let sum = |of: fn(&WorkerView) -> u64, among: &[&WorkerView]| among.iter().map(|worker| of(worker)).sum::<u64>();
    let all: Vec<&WorkerView> = workers.iter().collect();
    Ok(HttpResponse::Ok().json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "jobs": jobs,
        "workers": {
            "alive": alive.len(),
            "dead": workers.len() - alive.len(),
            "slots": sum(|worker| worker.slots.into(), &alive),
            "busy": sum(|worker| worker.busy.into(), &alive),
        },
        "tiles": {
            "done": sum(|worker| worker.tiles_done, &all),
            "failed": sum(|worker| worker.tiles_failed, &all),
        },
    })))
}
