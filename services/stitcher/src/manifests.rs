//! The manifests of the jobs that tiles came for lately.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use tessera::bus::records::WholeResult;
use tessera::job::{JobId, KeptText, Manifest};
use tessera::plan::PlanHash;
use tessera::store::Object;
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
    /// A whole result's name in the store.
    pub fn result_object(&self, result: &WholeResult) -> Object {
        let (job, ext) = (self.manifest.job, self.manifest.format.clone());
        Object::Result { job, token: result.token.clone(), ext }
    }

    /// The span of what is done for one of its stages.
    pub fn span(&self, stage: u32) -> tracing::Span {
        let Manifest { job, trace, .. } = &self.manifest;
        tracing::info_span!("stage.stitch", trace_id = trace_id(trace.as_ref()), %job, stage)
    }
}

/// A bounded number of manifests; the one that was not asked for the longest goes first.
#[derive(Debug)]
pub struct Manifests {
    known: LruCache<JobId, Arc<KnownJob>>,
}

impl Manifests {
    /// Room for `most` manifests.
    pub fn new(most: NonZeroUsize) -> Self {
        Self { known: LruCache::new(most) }
    }

    /// The manifest of `job`, if it is here.
    pub fn get(&mut self, job: JobId) -> Option<Arc<KnownJob>> {
        self.known.get(&job).cloned()
    }

    /// The same, without counting as asked for.
    pub fn peek(&self, job: JobId) -> Option<&KnownJob> {
        self.known.peek(&job).map(Arc::as_ref)
    }

    /// Has the manifest of `job` read again.
    pub fn forget(&mut self, job: JobId) {
        self.known.pop(&job);
    }

    /// Keeps a manifest, without what is written beside the result's pixels: that may be large, and is read again
    /// by the one encoder that writes it.
    pub fn insert(&mut self, manifest: Manifest) -> Arc<KnownJob> {
        let manifest = Manifest { kept: KeptText::default(), ..manifest };
        let known = Arc::new(KnownJob { plan: manifest.plan_hash(), manifest });
        self.known.put(known.manifest.job, Arc::clone(&known));
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
            tiled: None,
            created_at: String::new(),
        }
    }

    #[test]
    fn what_is_written_beside_the_pixels_is_not_remembered() {
        let large = KeptText::from(&Kept::profile(vec![1; 1 << 20]));
        let mut manifests = Manifests::new(NonZeroUsize::MIN);
        let known = manifests.insert(Manifest { kept: large, ..manifest() });
        assert_eq!(known.manifest.kept, KeptText::default());
    }
}
