//! What the store keeps of a job beside its picture: the manifest and the end marker.
//!
//! Both are written by one service and read by all, so that a job outlives Redis.

use serde::{Deserialize, Serialize};

use super::{Digest, Grain, JobId, JobStatus, KeptText, Priority, TraceContext};
use crate::operation::{Chain, Step};
use crate::picture::Turn;
use crate::picture::codec::ResultFormat;
use crate::picture::jpeg::{Chroma, DEFAULT_QUALITY, JpegSettings};
use crate::picture::sniff::Format;
use crate::plan::{Plan, PlanHash};

/// Bytes of notices in an end marker.
const MOST_NOTICE_BYTES: usize = 1500;

/// The whole description of a job, `{job}/job.json`: written once, before the job is announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The job.
    pub job: JobId,
    /// Which run of the job: 1, and one more for each retry.
    pub run: u32,
    /// The sender's name for the picture: for people only, never part of a path.
    pub filename: String,
    /// Who sent it; `anonymous` while no keys are in use.
    pub owner: String,
    /// The steps asked for, in order.
    pub operations: Vec<Step>,
    /// The result's format: `png`, `jpg`, `webp` or `tif` (`same` already resolved).
    pub format: String,
    /// The result's quality, 1 to 100, where its format has one.
    #[serde(default)]
    pub quality: Option<u8>,
    /// How finely the result keeps colours, where its format has a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma: Option<Chroma>,
    /// What the result is written with besides its pixels.
    #[serde(flatten)]
    pub kept: KeptText,
    /// What the result does not have of the original, for the sender to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// The order in the queue.
    pub priority: Priority,
    /// Bytes of the original as it was sent.
    pub bytes_in: u64,
    /// The digest of the original as it was sent; manifests of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The request that the job stands for, if its sender named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestKey>,
    /// The original's format by content: its usual extension.
    pub original_format: String,
    /// How the picture is cut; made once, never recomputed.
    pub plan: Plan,
    /// The plan's hash, computed once: what a later version makes of the same plan may differ. Ask
    /// [`Manifest::plan_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<PlanHash>,
    /// Of a job that is given to a worker whole: the plan that it has should no worker be able to run it so. Kept when
    /// that came about, so that it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiled: Option<Plan>,
    /// When the upload was complete, RFC 3339 UTC.
    pub created_at: String,
    /// The trace that the upload belongs to.
    #[serde(default)]
    pub trace: Option<TraceContext>,
}

/// A request with an idempotency key, as the job's description keeps it: the key survives Redis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKey {
    /// The hash of the sender's key, in hexadecimal digits: never the sender's text.
    pub key: String,
    /// What tells the request from others.
    pub fingerprint: String,
}

impl Manifest {
    /// The hash of the plan, which is in every task, result and slot: as it was stored; of a manifest from before it
    /// was stored, computed.
    pub fn plan_hash(&self) -> PlanHash {
        self.plan_hash.unwrap_or_else(|| self.plan.hash())
    }

    /// What the job's tasks are.
    pub fn grain(&self) -> Grain {
        if self.plan.is_whole() { Grain::Whole } else { Grain::Tiles }
    }

    /// The description of a job that was to be run whole, in tiles, as run `run`; `None` if it is in tiles already.
    pub fn in_tiles(&self, run: u32) -> Option<Self> {
        let plan = self.tiled.clone().filter(|_| self.grain() == Grain::Whole)?;
        Some(Self { run, plan_hash: Some(plan.hash()), plan, ..self.clone() })
    }

    /// What makes the picture upright: the steps of the plan before those that were asked for.
    pub fn orientation(&self) -> Turn {
        let asked = Chain::new(self.operations.clone());
        let is_whole = self.plan.stages.len() == 1;
        let Some(first) = self.plan.stage(0) else { return Turn::None };
        let begins = |turn: &Turn| {
            let all = asked.after(*turn);
            let names = |chain: &Chain| chain.steps().iter().map(ToString::to_string).collect::<Vec<_>>();
            let (all, first) = (names(&all), names(&first.steps));
            all.starts_with(&first) && (!is_whole || all.len() == first.len())
        };
        Turn::ALL.into_iter().find(begins).unwrap_or_default()
    }

    /// The format that the result is written in.
    pub fn result_format(&self) -> ResultFormat {
        match Format::from_extension(&self.format) {
            Some(Format::Jpeg) => ResultFormat::Jpeg(JpegSettings {
                quality: self.quality.unwrap_or(DEFAULT_QUALITY),
                chroma: self.chroma.unwrap_or_default(),
            }),
            Some(Format::WebP) => ResultFormat::Webp,
            Some(Format::Tiff) => ResultFormat::Tiff,
            _ => ResultFormat::Png,
        }
    }
}

/// How a job ended, `{job}/end.json`: written before Redis is told, so that the end survives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndMarker {
    /// The job.
    pub job: JobId,
    /// Which run ended.
    pub run: u32,
    /// A terminal status.
    pub status: JobStatus,
    /// Why, when it is not `done`.
    pub reason: Option<String>,
    /// The result's name in the store, when it is `done`.
    pub final_filename: Option<String>,
    /// Bytes of the result.
    pub bytes_out: u64,
    /// The result's digest; markers of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What the sender should know of the job, its description's notices included: what only reading the picture to its
    /// end has shown is nowhere else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// When, RFC 3339 UTC.
    pub finished_at: String,
}

impl EndMarker {
    /// With notices, as far as there is room for them: a marker has to fit what was set aside for it.
    pub fn noting(mut self, notices: &[String]) -> Self {
        let mut room = MOST_NOTICE_BYTES;
        let fits = |notice: &&String| -> bool {
            let fits = notice.len() <= room;
            room = if fits { room - notice.len() } else { 0 };
            fits
        };
        self.notices = notices.iter().take_while(fits).cloned().collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Chain;
    use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
    use crate::plan::PlanLimits;

    /// A manifest as it was written before the plan's hash was stored.
    fn older() -> serde_json::Value {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        let input = PictureInfo { size: Size { width: 1000, height: 700 }, format };
        let plan = Plan::make(input, &Chain::new(vec!["invert".parse().unwrap()]), &PlanLimits::default()).unwrap();
        serde_json::json!({
            "job": JobId::random(), "run": 1, "filename": "x.png", "owner": "anonymous", "operations": ["invert"],
            "format": "png", "priority": "normal", "bytes_in": 99, "original_format": "png", "plan": plan,
            "created_at": "2026-01-01T00:00:00.000Z",
        })
    }

    #[test]
    fn the_plans_hash_is_the_stored_one_whatever_is_made_of_the_plan_now() {
        let mut manifest = older();
        manifest["plan_hash"] = "0123456789abcdef".into();
        let read: Manifest = serde_json::from_value(manifest).unwrap();
        assert_eq!(read.plan_hash().to_string(), "0123456789abcdef");
        let again: Manifest = serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
        assert_eq!(again.plan_hash(), read.plan_hash());
    }

    #[test]
    fn a_manifest_without_the_hash_has_the_one_that_it_always_had() {
        let read: Manifest = serde_json::from_value(older()).unwrap();
        assert_eq!(read.plan_hash(), read.plan.hash());
        // Jobs that were accepted by an earlier version carry this in their records.
        assert_eq!(read.plan_hash().to_string(), "25cf3ac13d9d174f");
    }
}
