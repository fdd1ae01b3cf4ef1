//! Where a job's time went: a table of its steps, and of its stages if there are several.
//!
//! Owns the words and the order; the numbers are the job's.

use tessera::state::JobView;

use super::words;

/// Steps in the order in which they happen: field, words, and how it is measured.
const STEPS: [(&str, &str, &str); 7] = [
    ("upload", "upload", "until the whole picture was here"),
    ("queue", "queue", "until the first tile could go out"),
    ("split", "read and cut", "decoding and cutting into tiles"),
    ("kernels", "operations", "on all tiles, added up over the workers"),
    ("stitch", "stitch", "putting tiles in their places"),
    ("encode", "encode", "writing the result"),
    ("total", "total", "from the queue to the end"),
];

/// The table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many stages have columns of their own; 0 if the job has one stage only.
    pub stages: u32,
    /// A row for each step that is known.
    pub rows: Vec<Row>,
}

/// A step.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// What was done.
    pub step: &'static str,
    /// What is counted.
    pub hint: &'static str,
    /// How long it took in all.
    pub of_job: String,
    /// How long it took in each stage.
    pub of_stages: Vec<String>,
}

impl Times {
    /// The times of a job that are known so far.
    pub fn of(view: &JobView) -> Self {
        let stages = if view.stages > 1 { view.stages } else { 0 };
        let text = |ms: Option<&u64>| ms.map_or_else(|| "\u{2013}".to_owned(), |ms| words::duration(ms.cast_signed()));
        let row = |(field, step, hint): (&str, &'static str, &'static str)| {
            let of_stage = |stage: u32| view.stage_ms.get(&stage).and_then(|ms| ms.get(field));
            let is_known = view.ms.contains_key(field) || (0..stages).any(|stage| of_stage(stage).is_some());
            let of_stages = (0..stages).map(|stage| text(of_stage(stage))).collect();
            is_known.then(|| Row { step, hint, of_job: text(view.ms.get(field)), of_stages })
        };
        Self { stages, rows: STEPS.into_iter().filter_map(row).collect() }
    }
}
