//! A job as the interface describes it.
//!
//! Owns the names and units of the JSON; takes everything from the job's hash.

use std::collections::BTreeMap;

use serde::Serialize;
use tessera::job::{Digest, JobStatus};
use tessera::state::JobView;
use tessera::store::Object;

/// What is said while no worker lives.
pub const NO_WORKER: &str = "no worker is alive: the job waits and goes on when one starts";

/// A job in an answer of the interface.
#[derive(Debug, Serialize)]
pub struct JobJson {
    id: String,
    status: JobStatus,
    reason: Option<String>,
    /// 0 to 1.
    progress: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
    /// What the result does not have of the original.
    notices: Vec<String>,
    stages: Vec<StageJson>,
    url: String,
    events: String,
    original: String,
    result: Option<String>,
    filename: String,
    owner: String,
    operations: Vec<String>,
    format: String,
    /// What its tasks are: `tiles`, or the picture `whole`.
    grain: &'static str,
    /// Who has the whole picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    priority: &'static str,
    run: u32,
    attempts: u32,
    stage: u32,
    total_tiles: u32,
    received_tiles: u32,
    tile_width: u32,
    tile_height: u32,
    grid_width: u32,
    grid_height: u32,
    original_width: u32,
    original_height: u32,
    result_width: u32,
    result_height: u32,
    bytes_in: u64,
    bytes_out: u64,
    trace_id: Option<String>,
    splitter: Option<String>,
    stitcher: Option<String>,
    created_at: String,
    started_at: Option<String>,
    updated_at: String,
    finished_at: Option<String>,
    final_filename: Option<String>,
    /// The result's SHA-256.
    digest: Option<Digest>,
    #[serde(flatten)]
    ms: BTreeMap<String, u64>,
}

/// One trip of all tiles through the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageJson {
    /// Its number, from 0.
    pub stage: u32,
    /// `waiting`, `processing`, `done`, or `stopped` when the job ended in it.
    pub status: &'static str,
    /// 0 to 1.
    pub progress: f64,
    /// Milliseconds per step; of what many do at once, the sum.
    pub ms: BTreeMap<String, u64>,
}

impl JobJson {
    /// Describes a job; `has_workers` as admission knows it.
    pub fn new(view: &JobView, has_workers: bool) -> Self {
        let id = view.job.to_string();
        let url = format!("/api/v1/jobs/{id}");
        let result = (view.status == JobStatus::Done).then(|| format!("{url}/result"));
        Self {
            status: view.status,
            reason: view.reason.clone(),
            progress: view.progress(),
            eta_seconds: eta_seconds(view),
            notice: notice(view, has_workers),
            notices: view.notices.clone(),
            stages: stages(view),
            events: format!("{url}/events"),
            original: format!("{url}/original"),
            result,
            url,
            id,
            filename: view.filename.clone(),
            owner: view.owner.clone(),
            operations: view.operations.clone(),
            format: view.format.clone(),
            grain: view.grain.as_str(),
            worker: view.worker.clone(),
            priority: view.priority.as_str(),
            run: view.run,
            attempts: view.attempts,
            stage: view.stage,
            total_tiles: view.total_tiles,
            received_tiles: view.received_tiles,
            tile_width: view.tile_width,
            tile_height: view.tile_height,
            grid_width: view.grid_width,
            grid_height: view.grid_height,
            original_width: view.original_width,
            original_height: view.original_height,
            result_width: view.result_width,
            result_height: view.result_height,
            bytes_in: view.bytes_in,
            bytes_out: view.bytes_out,
            trace_id: view.trace.map(|trace| trace.id()),
            splitter: view.splitter.clone(),
            stitcher: view.stitcher.clone(),
            created_at: view.created_at.clone(),
            started_at: view.started_at.clone(),
            updated_at: view.updated_at.clone(),
            finished_at: view.finished_at.clone(),
            final_filename: view.final_filename.clone(),
            digest: view.digest,
            ms: view.ms.iter().map(|(step, ms)| (format!("ms_{step}"), *ms)).collect(),
        }
    }
}

/// What a sender should know of an unfinished job beyond its status.
pub fn notice(view: &JobView, has_workers: bool) -> Option<&'static str> {
    let waits_for_workers = matches!(view.status, JobStatus::Accepting | JobStatus::Queued | JobStatus::Processing);
    (waits_for_workers && !has_workers).then_some(NO_WORKER)
}

/// Each stage with its share.
pub fn stages(view: &JobView) -> Vec<StageJson> {
    let done = matches!(view.status, JobStatus::Done);
    let share = view.stage_progress();
    let state = |stage: u32| match stage.cmp(&view.stage) {
        _ if done => ("done", 1.0),
        std::cmp::Ordering::Less => ("done", 1.0),
        std::cmp::Ordering::Equal if view.started_at.is_some() => {
            (if view.status.is_terminal() { "stopped" } else { "processing" }, share.min(1.0))
        }
        _ => ("waiting", 0.0),
    };
    let stage = |stage: u32| {
        let (status, progress) = state(stage);
        StageJson { stage, status, progress, ms: view.stage_ms.get(&stage).cloned().unwrap_or_default() }
    };
    (0..view.stages.max(1)).map(stage).collect()
}

/// Seconds until the job is done if it goes on as it did; known after a twentieth of it.
pub fn eta_seconds(view: &JobView) -> Option<u64> {
    let progress = view.progress();
    if view.status != JobStatus::Processing || progress < 0.05 {
        return None;
    }
    // By the clock of Redis: this process's and a splitter's may be hours apart.
    let elapsed = view.moments.running_ms()? as f64 / 1000.0;
    let rest = elapsed * (1.0 - progress) / progress;
    (rest.is_finite() && (0.0..1e9).contains(&rest)).then_some(rest.ceil() as u64)
}

/// The result's object, if the job has one.
pub fn result_object(view: &JobView) -> Option<Object> {
    let name = view.final_filename.as_deref()?;
    let name = if name.contains('/') { name.to_owned() } else { format!("{}/{name}", view.job) };
    name.parse().ok().filter(|object: &Object| object.job() == view.job && matches!(object, Object::Result { .. }))
}
