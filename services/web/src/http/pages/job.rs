//! A job's page: where it is, what came of it, who made it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use tessera::job::{Grain, JobStatus};
use tessera::state::JobView;
use tessera::time::{between, now};

use super::answer::{page, see_other};
use super::jobs::percent;
use super::mosaic::Mosaic;
use super::shown::Shown;
use super::times::Times;
use super::words;
use crate::http::jobs::find::job;
use crate::http::jobs::json::{StageJson, eta_seconds, notice, stages};
use crate::http::jobs::tiles::MAX_DRAWN;
use crate::http::jobs::{cancel, retry};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// A young job's page looks again each second, an older one's less often.
const YOUNG_MS: i64 = 20_000;

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    id: String,
    name: String,
    status: &'static str,
    sign: &'static str,
    is_unfinished: bool,
    is_done: bool,
    can_retry: bool,
    refresh_seconds: u32,
    notice: Option<&'static str>,
    notices: Vec<String>,
    reason: Option<String>,
    remedy: Option<&'static str>,
    percent: u32,
    /// How many tiles are in, or who has the whole picture.
    tiles: String,
    /// From 1, as people count.
    stage: u32,
    eta: Option<String>,
    took: Option<String>,
    stages: Vec<StageJson>,
    operations: Vec<String>,
    facts: Vec<(&'static str, String)>,
    size: String,
    bytes_out: String,
    shown: Shown,
    mosaic: Option<Mosaic>,
    times: Times,
}

impl JobPage {
    fn new(view: &JobView, has_workers: bool, mosaic: Option<Mosaic>, shown: Shown) -> Self {
        let age = between(&view.created_at, &now()).unwrap_or(i64::MAX);
        let is_failed = view.status == JobStatus::Failed;
        Self {
            id: view.job.to_string(),
            name: words::name(&view.filename).to_owned(),
            status: view.status.as_str(),
            sign: words::sign(view.status),
            is_unfinished: !view.status.is_terminal(),
            is_done: view.status == JobStatus::Done,
            can_retry: matches!(view.status, JobStatus::Failed | JobStatus::Cancelled),
            refresh_seconds: if age < YOUNG_MS { 1 } else { 3 },
            notice: notice(view, has_workers),
            notices: view.notices.clone(),
            reason: view.reason.clone().filter(|_| view.status.is_terminal()),
            remedy: is_failed.then(|| remedy(view.reason.as_deref().unwrap_or_default())),
            percent: percent(view),
            tiles: tiles(view),
            eta: eta_seconds(view).map(|seconds| words::duration(seconds as i64 * 1000)),
            took: view.finished_at.as_ref().and_then(|end| between(&view.created_at, end)).map(words::duration),
            stages: stages(view),
            operations: view.operations.clone(),
            facts: facts(view),
            size: format!("{} \u{d7} {}", view.result_width, view.result_height),
            bytes_out: words::bytes(view.bytes_out),
            shown,
            mosaic,
            stage: (view.stage + 1).min(view.stages.max(1)),
            times: Times::of(view),
        }
    }
}

/// How many tiles are in, or who has the whole picture; as `live.js` says it.
fn tiles(view: &JobView) -> String {
    match (view.grain, &view.worker) {
        (Grain::Tiles, _) => format!("{} of {} tiles", view.received_tiles, view.total_tiles),
        (Grain::Whole, Some(worker)) if view.status == JobStatus::Done => format!("made whole by {worker}"),
        (Grain::Whole, Some(worker)) => format!("{worker} has the whole picture"),
        (Grain::Whole, None) => "the whole picture waits for a worker".to_owned(),
    }
}

fn facts(view: &JobView) -> Vec<(&'static str, String)> {
    let time = |text: &Option<String>| text.as_deref().map_or_else(|| "\u{2013}".to_owned(), words::time);
    let mut facts = vec![
        ("picture", format!("{} \u{d7} {} pixels", view.original_width, view.original_height)),
        ("sent", words::bytes(view.bytes_in)),
        ("tiles", cut(view)),
        ("priority", view.priority.as_str().to_owned()),
        ("created", words::time(&view.created_at)),
        ("started", time(&view.started_at)),
        ("ended", time(&view.finished_at)),
    ];
    if view.run > 1 {
        facts.push(("run", view.run.to_string()));
    }
    facts
}

/// How the picture is cut.
fn cut(view: &JobView) -> String {
    if view.grain == Grain::Whole {
        return "none: one worker runs the whole picture, as many jobs were waiting or its sender asked for it"
            .to_owned();
    }
    let (columns, rows) = (view.grid_width, view.grid_height);
    format!("{columns} \u{d7} {rows} of {} \u{d7} {} pixels", view.tile_width, view.tile_height)
}

/// What a sender can do about a failure, by the words of its reason.
fn remedy(reason: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["reading row", "reading the end", "decoding the", "truncated", "damaged"]) {
        "The picture is damaged: open it in a picture program, save it again and send the new file."
    } else if says(&["tile"]) {
        "Run the job again; if the same tile fails again, send other operations and report it."
    } else if says(&["full", "space"]) {
        "The system has no room: run the job again when its operator has made some."
    } else {
        "Run the job again; if it fails again, look at the services' logs for this job's id."
    }
}

/// `GET /jobs/{id}`.
pub async fn show(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    let mosaic =
        if view.grain == Grain::Tiles && view.total_tiles <= MAX_DRAWN { draw(&services, &view).await? } else { None };
    let shown = Shown::of(&services, &view).await;
    page(&JobPage::new(&view, services.admission.has_workers(), mosaic, shown))
}

async fn draw(services: &Services, view: &JobView) -> Result<Option<Mosaic>, Problem> {
    let tiles = services.state.tiles_by(view.job, view.stage).await?;
    // While tiles may come there is a place for them.
    if tiles.iter().all(Option::is_none) && view.status.is_terminal() {
        return Ok(None);
    }
    let names = services.state.worker_names().await?;
    Ok(Mosaic::draw(view.grid_width, view.grid_height, &tiles, &names))
}

/// `POST /jobs/{id}/cancel`.
pub async fn cancel(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    cancel::cancel(&services, &view).await?;
    Ok(see_other(format!("/jobs/{}", view.job)))
}

/// `POST /jobs/{id}/retry`.
pub async fn retry(services: Data<Services>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = job(&services, &id).await?;
    retry::retry(&services, &view).await?;
    Ok(see_other(format!("/jobs/{}", view.job)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_do() {
        assert!(remedy("reading row 312 of 1100: unexpected end").contains("save it again"));
        assert!(remedy("tile 7 of stage 1 (0, 0, 16x16): panicked").contains("same tile"));
        assert!(remedy("").contains("logs"));
    }
}
