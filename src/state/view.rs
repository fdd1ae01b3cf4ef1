//! A job's hash: its fields as they are written, and as they are read.
//!
//! Owns the names of the fields. Writes nothing itself.

use std::collections::{BTreeMap, HashMap};

use super::moments::Moments;
use crate::job::{Digest, Grain, JobId, JobStatus, Manifest, Priority, TraceContext};
use crate::plan::{Numbers, Stage};

/// What the names of fields with a stage's numbers begin with.
pub(super) const NUMBERS: &str = "numbers:";

/// The field with the plan's hash and the plan.
pub(super) const PLAN: &str = "plan";

/// A job as its hash describes it. What is missing in the hash is 0, empty or `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// The job.
    pub job: JobId,
    /// Where it is.
    pub status: JobStatus,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    /// The sender's name for the picture: never a path.
    pub filename: String,
    /// Who sent it.
    pub owner: String,
    /// The steps, in order, as they are written.
    pub operations: Vec<String>,
    /// The result's format.
    pub format: String,
    /// What the result does not have of the original.
    pub notices: Vec<String>,
    /// Tiles of the stage.
    pub total_tiles: u32,
    /// Tiles of the stage that are in their slots.
    pub received_tiles: u32,
    /// Columns of a tile.
    pub tile_width: u32,
    /// Rows of a tile.
    pub tile_height: u32,
    /// Tiles in a row.
    pub grid_width: u32,
    /// Rows of tiles.
    pub grid_height: u32,
    /// Columns of the picture as it was sent.
    pub original_width: u32,
    /// Rows of the picture as it was sent.
    pub original_height: u32,
    /// Columns of the result.
    pub result_width: u32,
    /// Rows of the result.
    pub result_height: u32,
    /// The stage, from 0.
    pub stage: u32,
    /// Stages in all.
    pub stages: u32,
    /// Which run, from 1.
    pub run: u32,
    /// The order of the queue.
    pub priority: Priority,
    /// Leases in a row that did not end in order, a present one included.
    pub attempts: u32,
    /// The token of the lease, live or not.
    pub lease: Option<String>,
    /// When the lease ends, in milliseconds since 1970 by the clock of Redis.
    pub lease_until: i64,
    /// Whether a splitter holds the lease now; known only in [`super::State::processing_jobs`] and
    /// [`super::State::job`].
    pub leased: bool,
    /// Reading passes that were begun, over all stages and runs.
    pub passes: u32,
    /// When it was last seen to move, and the like, by the clock of Redis.
    pub moments: Moments,
    /// What its tasks are.
    pub grain: Grain,
    /// Which worker has, or had last, the whole picture.
    pub worker: Option<String>,
    /// Thousandths of its rows that this worker has read.
    pub rows_permille: u32,
    /// Which splitter leased it last.
    pub splitter: Option<String>,
    /// Which stitcher claimed it.
    pub stitcher: Option<String>,
    /// What the stage needs of the one before.
    pub rows: Option<String>,
    /// What earlier stages measured: the fields `numbers:S`.
    pub numbers: Numbers,
    /// When its upload was complete.
    pub created_at: String,
    /// When its first tile could go out.
    pub started_at: Option<String>,
    /// When it was last worked on.
    pub updated_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// The result's name in the store.
    pub final_filename: Option<String>,
    /// The result's digest; results of earlier versions have none.
    pub digest: Option<Digest>,
    /// Bytes of the original.
    pub bytes_in: u64,
    /// Bytes of the result.
    pub bytes_out: u64,
    /// The trace that its upload belongs to.
    pub trace: Option<TraceContext>,
    /// Milliseconds per step: the fields `ms_…`, without `ms_`. Of what many do at once, the sum.
    pub ms: BTreeMap<String, u64>,
    /// The same for each stage: the fields `ms_…:S`.
    pub stage_ms: BTreeMap<u32, BTreeMap<String, u64>>,
}

impl JobView {
    /// The share of its tiles that are in their slots, over all stages: 0 to 1, and 1 when it is done.
    pub fn progress(&self) -> f64 {
        if self.status == JobStatus::Done {
            return 1.0;
        }
        let of_stage = self.stage_progress();
        ((f64::from(self.stage) + of_stage.min(1.0)) / f64::from(self.stages.max(1))).min(1.0)
    }

    /// The share of its stage's tiles that are in their slots; of a whole picture, of the rows that its worker has read.
    pub fn stage_progress(&self) -> f64 {
        let of_stage = f64::from(self.received_tiles) / f64::from(self.total_tiles.max(1));
        let of_rows = if self.grain == Grain::Whole { f64::from(self.rows_permille) / 1000.0 } else { 0.0 };
        of_stage.max(of_rows).min(1.0)
    }

    /// Reads a hash; `None` if it is empty or has no status.
    pub(super) fn read(job: JobId, mut hash: HashMap<String, String>, redis_ms: i64) -> Option<Self> {
        let status = hash.get("status")?.parse().ok()?;
        let (ms, stage_ms) = times(&hash);
        let fields = &mut hash;
        let lease = fields.remove("lease");
        let lease_until = number(fields, "lease_until");
        Some(Self {
            job,
            status,
            reason: fields.remove("reason"),
            filename: text(fields, "filename"),
            owner: text(fields, "owner"),
            operations: text(fields, "operations").split_whitespace().map(str::to_owned).collect(),
            format: text(fields, "format"),
            notices: text(fields, "notices").lines().map(str::to_owned).collect(),
            total_tiles: number(fields, "total_tiles"),
            received_tiles: number(fields, "received_tiles"),
            tile_width: number(fields, "tile_width"),
            tile_height: number(fields, "tile_height"),
            grid_width: number(fields, "grid_width"),
            grid_height: number(fields, "grid_height"),
            original_width: number(fields, "original_width"),
            original_height: number(fields, "original_height"),
            result_width: number(fields, "result_width"),
            result_height: number(fields, "result_height"),
            stage: number(fields, "stage"),
            stages: number(fields, "stages"),
            run: number(fields, "run"),
            priority: text(fields, "priority").parse().unwrap_or_default(),
            attempts: number(fields, "attempts"),
            passes: number(fields, "passes"),
            moments: Moments::read(|name| number(fields, name), redis_ms),
            leased: lease.is_some() && lease_until > redis_ms,
            lease,
            lease_until,
            grain: text(fields, "grain").parse().unwrap_or_default(),
            worker: fields.remove("worker"),
            rows_permille: number(fields, "rows_permille"),
            splitter: fields.remove("splitter"),
            stitcher: fields.remove("stitcher"),
            rows: fields.remove("rows"),
            numbers: numbers(fields),
            created_at: text(fields, "created_at"),
            started_at: fields.remove("started_at"),
            updated_at: text(fields, "updated_at"),
            finished_at: fields.remove("finished_at"),
            final_filename: fields.remove("final_filename"),
            digest: fields.remove("digest").and_then(|text| text.parse().ok()),
            bytes_in: number(fields, "bytes_in"),
            bytes_out: number(fields, "bytes_out"),
            ms,
            trace: fields.remove("traceparent").and_then(|text| text.parse().ok()),
            stage_ms,
        })
    }
}

/// The fields `ms_STEP` and, by stage, `ms_STEP:S`. They are sums of fractions.
fn times(hash: &HashMap<String, String>) -> (BTreeMap<String, u64>, BTreeMap<u32, BTreeMap<String, u64>>) {
    let (mut of_job, mut of_stages) = (BTreeMap::new(), BTreeMap::<u32, BTreeMap<String, u64>>::new());
    for (name, value) in hash {
        let Some(step) = name.strip_prefix("ms_") else { continue };
        let Some(ms) = value.parse().ok().filter(|ms: &f64| ms.is_finite()) else { continue };
        let ms = ms.round().clamp(0.0, 1e15) as u64;
        match step.split_once(':') {
            None => drop(of_job.insert(step.to_owned(), ms)),
            Some((step, stage)) => {
                let Ok(stage) = stage.parse() else { continue };
                of_stages.entry(stage).or_default().insert(step.to_owned(), ms);
            }
        }
    }
    // Kept by stage alone until the job has ended.
    let kernels = of_stages.values().filter_map(|steps| steps.get("kernels")).sum();
    if kernels > 0 {
        of_job.entry("kernels".to_owned()).or_insert(kernels);
    }
    (of_job, of_stages)
}

/// The numbers of all stages; a field that is not a list of numbers is left out, so that its stage counts as not measured.
pub(super) fn numbers(fields: &HashMap<String, String>) -> Numbers {
    let read = |(name, text): (&String, &String)| {
        let stage = name.strip_prefix(NUMBERS)?.parse().ok()?;
        Some((stage, text.split('/').map(str::parse).collect::<Result<_, _>>().ok()?))
    };
    fields.iter().filter_map(read).collect()
}

fn text(fields: &mut HashMap<String, String>, name: &str) -> String {
    fields.remove(name).unwrap_or_default()
}

fn number<T: std::str::FromStr + Default>(fields: &mut HashMap<String, String>, name: &str) -> T {
    fields.remove(name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The fields of a new job's hash, without its status and what [`enter_stage`](fields) derives of `grid:S`.
pub(super) fn fields(manifest: &Manifest, time: &str) -> Vec<(String, String)> {
    let plan = &manifest.plan;
    let operations: Vec<String> = manifest.operations.iter().map(ToString::to_string).collect();
    let named = [
        ("filename", manifest.filename.clone()),
        ("owner", manifest.owner.clone()),
        ("operations", operations.join(" ")),
        (PLAN, format!("{} {}", plan.hash(), serde_json::to_string(plan).unwrap_or_default())),
        ("format", manifest.format.clone()),
        ("grain", manifest.grain().to_string()),
        ("notices", manifest.notices.join("\n")),
        ("original_width", plan.input.size.width.to_string()),
        ("original_height", plan.input.size.height.to_string()),
        ("result_width", plan.output.size.width.to_string()),
        ("result_height", plan.output.size.height.to_string()),
        ("stages", plan.stages.len().to_string()),
        ("run", manifest.run.to_string()),
        ("priority", manifest.priority.as_str().to_owned()),
        ("attempts", "0".to_owned()),
        ("created_at", manifest.created_at.clone()),
        ("updated_at", time.to_owned()),
        ("bytes_in", manifest.bytes_in.to_string()),
        ("bytes_out", "0".to_owned()),
    ];
    let named = named.into_iter().map(|(name, value)| (name.to_owned(), value));
    let trace = manifest.trace.map(|trace| ("traceparent".to_owned(), trace.to_string()));
    let grids = plan.stages.iter().enumerate().map(|(stage, of)| (format!("grid:{stage}"), grid(of)));
    named.chain(trace).chain(grids).collect()
}

/// Tiles, tile sides and grid sides of a stage, as the scripts read them.
fn grid(stage: &Stage) -> String {
    let grid = stage.grid();
    let tile = grid.tile();
    format!("{} {} {} {} {}", grid.tiles(), tile.width, tile.height, grid.columns(), grid.rows())
}
