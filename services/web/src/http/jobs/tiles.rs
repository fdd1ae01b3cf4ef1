//! The tiles of a stage as a table: which are made, by whom, at which attempt, in what time.
//!
//! Owns the reading of its query. Answers pages of tiles, however many the job has.

use serde::{Deserialize, Serialize};
use tessera::job::JobId;
use tessera::state::JobView;

use crate::http::problem::Problem;
use crate::http::services::Services;

/// Tiles that are drawn at most, on a page or as events.
pub const MAX_DRAWN: u32 = 4096;
/// Tiles of a page, unless asked otherwise.
const PAGE: u32 = 500;
/// Tiles of a page at most.
const MAX_PAGE: u32 = 5000;

/// `?stage=`, `?from=`, `?limit=`.
#[derive(Debug, Deserialize)]
pub struct TilesQuery {
    stage: Option<String>,
    from: Option<String>,
    limit: Option<String>,
}

/// A page of tiles.
#[derive(Debug, Serialize)]
pub struct TilesJson {
    /// The job.
    pub id: JobId,
    /// The stage, from 0.
    pub stage: u32,
    /// Tiles of the stage.
    pub total: usize,
    /// In the order of their numbers.
    pub tiles: Vec<TileJson>,
    /// The first tile of the next page.
    pub next: Option<u32>,
}

/// A tile. What is not known of one that is missing is null.
#[derive(Debug, Serialize)]
pub struct TileJson {
    /// Its number, row by row.
    pub index: u32,
    /// `made` or `missing`.
    pub state: &'static str,
    /// Who made it.
    pub worker: Option<String>,
    /// At which attempt.
    pub attempt: Option<u16>,
    /// Milliseconds that its operations took.
    pub ms: Option<f64>,
}

/// The tiles that a query asks for; of the stage that the job is at, unless it names one.
///
/// # Errors
/// [`Problem::BadRequest`] that names the parameter.
pub async fn find(services: &Services, view: &JobView, query: &TilesQuery) -> Result<TilesJson, Problem> {
    let stage = number("stage", query.stage.as_deref(), view.stage, 0..=view.stages.saturating_sub(1))?;
    let from = number("from", query.from.as_deref(), 0, 0..=u32::MAX)?;
    let limit = number("limit", query.limit.as_deref(), PAGE, 1..=MAX_PAGE)?;
    let all = services.state.tiles_by(view.job, stage).await?;
    let names = services.state.worker_names().await?;
    let page = (0..).zip(&all).skip(from as usize).take(limit as usize);
    let tiles: Vec<TileJson> = page
        .map(|(index, tile)| TileJson {
            index,
            state: if tile.is_some() { "made" } else { "missing" },
            worker: tile.and_then(|tile| names.get(&tile.worker_number)).map(ToString::to_string),
            attempt: tile.map(|tile| tile.attempt),
            ms: tile.map(|tile| f64::from(tile.run_us) / 1000.0),
        })
        .collect();
    let end = from.saturating_add(limit);
    let next = ((end as usize) < all.len()).then_some(end);
    Ok(TilesJson { id: view.job, stage, total: all.len(), tiles, next })
}

fn number(name: &str, text: Option<&str>, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(default) };
    let parsed = text.parse().ok().filter(|number| range.contains(number));
    parsed.ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        let (least, most) = (range.start(), range.end());
        Problem::BadRequest(format!("{name} must be an integer from {least} to {most}, got {text:?}"))
    })
}
