//! The manifests of the jobs that tiles came for lately.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tessera::job::{JobId, KeptText, Manifest};
use tessera::plan::PlanHash;
use tessera::telemetry::logs::trace_id;

/// A manifest with its plan's hash, which is in every tile.
#[derive(Debug)]
pub struct KnownJob {
    /// The manifest.
    pub manifest: Manifest,
    /// The hash of its plan.
    pub plan: PlanHash,
}

impl KnownJob {
    /// The span of what is done for one of its stages.
    pub fn span(&self, stage: u32) -> tracing::Span {
        let Manifest { job, trace, .. } = &self.manifest;
        tracing::info_span!("stage.stitch", trace_id = trace_id(trace.as_ref()), %job, stage)
    }
}

/// A bounded number of manifests; the one that was put in first goes first.
#[derive(Debug)]
pub struct Manifests {
    known: HashMap<JobId, Arc<KnownJob>>,
    order: VecDeque<JobId>,
    limit: usize,
}

impl Manifests {
    /// Room for `limit` manifests, at least one.
    pub fn new(limit: usize) -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), limit: limit.max(1) }
    }

    /// The manifest of `job`, if it is here.
    pub fn get(&self, job: JobId) -> Option<Arc<KnownJob>> {
        self.known.get(&job).cloned()
    }

    /// Keeps a manifest, without what is written beside the result's pixels: that may be large, and is read again
    /// by the one encoder that writes it.
    pub fn insert(&mut self, manifest: Manifest) -> Arc<KnownJob> {
        let job = manifest.job;
        let manifest = Manifest { kept: KeptText::default(), ..manifest };
        let known = Arc::new(KnownJob { plan: manifest.plan_hash(), manifest });
        if self.known.insert(job, Arc::clone(&known)).is_none() {
            self.order.push_back(job);
        }
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use tessera::job::Priority;
    use tessera::operation::Chain;
    use tessera::picture::metadata::Kept;
    use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
    use tessera::plan::Plan;

    use super::*;

    fn manifest() -> Manifest {
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width: 10, height: 10 }, format };
        let limits = tessera::config::LimitArgs::default().plan_limits(1_000_000);
        Manifest {
            trace: None,
            job: JobId::random(),
            run: 1,
            filename: "x.png".into(),
            owner: "anonymous".into(),
            operations: Vec::new(),
            format: "png".into(),
            priority: Priority::Normal,
            bytes_in: 1,
            digest: None,
            request: None,
            kept: KeptText::default(),
            notices: Vec::new(),
            quality: None,
            chroma: None,
            original_format: "png".into(),
            plan: Plan::make(info, &Chain::new(Vec::new()), &limits).unwrap(),
            plan_hash: None,
            created_at: String::new(),
        }
    }

    #[test]
    fn what_is_written_beside_the_pixels_is_not_remembered() {
        let large = KeptText::from(&Kept::profile(vec![1; 1 << 20]));
        let mut manifests = Manifests::new(2);
        let known = manifests.insert(Manifest { kept: large, ..manifest() });
        assert_eq!(known.manifest.kept, KeptText::default());
    }

    #[test]
    fn the_number_is_bounded() {
        let mut manifests = Manifests::new(2);
        let jobs: Vec<JobId> = (0..3).map(|_| manifests.insert(manifest()).manifest.job).collect();
        assert!(manifests.get(jobs[0]).is_none());
        assert!(jobs[1..].iter().all(|job| manifests.get(*job).is_some()));
        assert_eq!(manifests.known.len(), 2);
    }
}
