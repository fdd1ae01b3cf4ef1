//! The tiles of a job as a table.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use askama::Template;

use super::answer::page;
use crate::http::jobs::find::job;
use crate::http::jobs::tiles::{TileJson, TilesJson, TilesQuery, find};
use crate::http::problem::Problem;
use crate::http::services::Services;

#[derive(Template)]
#[template(path = "tiles.html")]
struct TilesPage {
    job: String,
    short: String,
    /// Number of each stage from 1, its address, and whether it is shown.
    stages: Vec<(u32, String, bool)>,
    summary: String,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A tile.
struct Row {
    index: u32,
    is_made: bool,
    worker: String,
    attempt: String,
    took: String,
}

/// `GET /jobs/{id}/tiles`.
pub async fn show(
    services: Data<Services>,
    id: Path<String>,
    query: Query<TilesQuery>,
) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    let found = find(&services, &view, &query).await?;
    let address = |stage: u32| format!("/jobs/{}/tiles?stage={stage}", view.job);
    let text = view.job.to_string();
    page(&TilesPage {
        short: text.chars().skip(text.len().saturating_sub(6)).collect(),
        job: text,
        stages: (0..view.stages).map(|stage| (stage + 1, address(stage), stage == found.stage)).collect(),
        summary: summary(&found),
        next: found.next.map(|next| format!("{}&from={next}", address(found.stage))),
        rows: found.tiles.into_iter().map(Row::from).collect(),
    })
}

fn summary(found: &TilesJson) -> String {
    match (found.tiles.first(), found.tiles.last()) {
        (Some(first), Some(last)) => format!("Tiles {} to {} of {}.", first.index, last.index, found.total),
        _ => "No tiles here.".to_owned(),
    }
}

impl From<TileJson> for Row {
    fn from(tile: TileJson) -> Self {
        Self {
            index: tile.index,
            is_made: tile.state == "made",
            worker: tile.worker.unwrap_or_default(),
            attempt: tile.attempt.map(|attempt| attempt.to_string()).unwrap_or_default(),
            took: tile.ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default(),
        }
    }
}
