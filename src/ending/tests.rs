//! Ends on a real Redis, under a prefix of its own, and in a folder: each of the two failing at each step.

use tempfile::TempDir;

use super::*;
use crate::config::{RedisArgs, StoreArgs, Sync};
use crate::job::{KeptText, Manifest, Priority, Token};
use crate::operation::Chain;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
use crate::plan::{Plan, PlanLimits};
use crate::state::StateOptions;
use crate::state::recovery::rebuild;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Scene {
    _dir: TempDir,
    pub(crate) state: State,
    pub(crate) store: Store,
    redis: RedisArgs,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let url = std::env::var("TESSERA_TEST_REDIS_URL").expect("TESSERA_TEST_REDIS_URL names a Redis for tests");
        let redis = RedisArgs::new(url, format!("test-{}:", Token::random()));
        let state = State::lazy(&redis, StateOptions::default()).unwrap();
        state.set_sentinel().await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let address = format!("file://{}", dir.path().join("store").display());
        let args = StoreArgs { store: address, scratch_dir: dir.path().join("scratch"), sync: Sync::None };
        Self { store: Store::open(&args).unwrap(), _dir: dir, state, redis }
    }

    /// A job of one tile that is queued, with `original` as its picture.
    pub(crate) async fn queued(&self, original: &'static [u8]) -> JobId {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        let input = PictureInfo { size: Size { width: 100, height: 70 }, format };
        let limits = PlanLimits { tile_size: 256, max_record_bytes: 1_000_000, band_bytes: 64 << 20 };
        let steps = vec!["invert".parse().unwrap()];
        let manifest = Manifest {
            trace: None,
            job: JobId::random(),
            run: 1,
            filename: "x.png".to_owned(),
            owner: "anonymous".to_owned(),
            operations: steps.clone(),
            format: "png".to_owned(),
            priority: Priority::Normal,
            bytes_in: original.len() as u64,
            digest: Some(crate::job::Digest::of(original)),
            request: None,
            kept: KeptText::default(),
            notices: Vec::new(),
            quality: None,
            chroma: None,
            original_format: "png".to_owned(),
            plan_hash: None,
            tiled: None,
            plan: Plan::make(input, &Chain::new(steps), &limits).unwrap(),
            created_at: now(),
        };
        self.store.put(&Object::Original(manifest.job), original.into()).await.unwrap();
        self.store.put_manifest(&manifest).await.unwrap();
        self.state.accept(&manifest, HOUR).await.unwrap();
        assert!(self.state.queue(manifest.job).await.unwrap().is_so());
        manifest.job
    }

    /// What FLUSHALL and the monitor do.
    pub(crate) async fn lose_redis(&self) {
        self.flush();
        rebuild(&self.state, &self.store, HOUR).await.unwrap();
    }

    fn flush(&self) {
        let mut connection = redis::Client::open(self.redis.redis_url.clone()).unwrap().get_connection().unwrap();
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(format!("{}*", self.redis.key_prefix)).query(&mut connection).unwrap();
        for key in keys {
            redis::cmd("DEL").arg(key).query::<u32>(&mut connection).unwrap();
        }
    }

    pub(crate) async fn status(&self, job: JobId) -> JobStatus {
        self.state.job(job).await.unwrap().unwrap().status
    }

    async fn marker(&self, job: JobId) -> Option<EndMarker> {
        self.store.end(job).await.unwrap()
    }

    /// A folder where the marker should be: it cannot be written, as in a store that takes no files.
    fn block_marker(&self, job: JobId) -> std::path::PathBuf {
        let path = self.store.place_of(&Object::End(job));
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("in the way"), b"x").unwrap();
        path
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.flush();
    }
}

#[tokio::test]
async fn a_verdict_is_in_the_store_and_in_redis_and_survives_the_loss_of_redis() {
    let scene = Scene::new().await;
    for verdict in [JobVerdict::cancelled, |job| JobVerdict::failed(job, Some(1), "row 3 of 9")] {
        let job = scene.queued(b"x").await;
        let verdict = verdict(job);
        let ended = end(&scene.state, &scene.store, &verdict, HOUR).await.unwrap();
        assert_eq!(ended, Transition::Made);
        let again = end(&scene.state, &scene.store, &verdict, HOUR).await.unwrap();
        assert_eq!(again, Transition::AlreadySo);
        scene.lose_redis().await;
        let view = scene.state.job(job).await.unwrap().unwrap();
        assert_eq!((view.status, view.reason), (verdict.status, Some(verdict.reason)));
    }
}

#[tokio::test]
async fn a_cancel_whose_marker_cannot_be_written_cancels_nothing() {
    let scene = Scene::new().await;
    let job = scene.queued(b"x").await;
    let blocked = scene.block_marker(job);
    end(&scene.state, &scene.store, &JobVerdict::cancelled(job), HOUR).await.unwrap_err();
    assert_eq!(scene.status(job).await, JobStatus::Queued, "Redis shows nothing that the store does not know");
    std::fs::remove_dir_all(blocked).unwrap();
    end(&scene.state, &scene.store, &JobVerdict::cancelled(job), HOUR).await.unwrap();
    scene.lose_redis().await;
    assert_eq!(scene.status(job).await, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_failure_is_told_although_its_marker_cannot_be_written_and_the_marker_follows() {
    let scene = Scene::new().await;
    let job = scene.queued(b"x").await;
    let blocked = scene.block_marker(job);
    let verdict = JobVerdict::failed(job, None, "the store is full");
    assert_eq!(end(&scene.state, &scene.store, &verdict, HOUR).await.unwrap(), Transition::Made);
    std::fs::remove_dir_all(blocked).unwrap();
    agree(&scene.state, &scene.store, job, None).await.unwrap();
    assert_eq!(scene.marker(job).await.unwrap().reason.as_deref(), Some("the store is full"));
}

#[tokio::test]
async fn the_marker_of_a_verdict_that_came_too_late_is_put_back() {
    let scene = Scene::new().await;
    let job = scene.queued(b"x").await;
    end(&scene.state, &scene.store, &JobVerdict::cancelled(job), HOUR).await.unwrap();
    let cancelled = scene.marker(job).await.unwrap();
    // A stitcher that was slower has written its own and was refused.
    let done = EndMarker {
        status: JobStatus::Done,
        final_filename: Some(format!("{job}/{}.png", Token::random())),
        ..cancelled.clone()
    };
    scene.store.put_end(&done).await.unwrap();
    agree(&scene.state, &scene.store, job, Some(&done)).await.unwrap();
    assert_eq!(scene.marker(job).await, Some(cancelled));
    let late = end(&scene.state, &scene.store, &JobVerdict::failed(job, None, "late"), HOUR).await.unwrap();
    assert_eq!(late, Transition::Refused { status: Some(JobStatus::Cancelled) });
    scene.lose_redis().await;
    assert_eq!(scene.status(job).await, JobStatus::Cancelled);
}

#[tokio::test]
async fn of_a_job_that_goes_on_only_the_own_marker_goes() {
    let scene = Scene::new().await;
    let job = scene.queued(b"x").await;
    let mine = marker(job, JobStatus::Done);
    let other = marker(job, JobStatus::Cancelled);
    scene.store.put_end(&other).await.unwrap();
    agree(&scene.state, &scene.store, job, Some(&mine)).await.unwrap();
    assert_eq!(scene.marker(job).await, Some(other));
    scene.store.put_end(&mine).await.unwrap();
    agree(&scene.state, &scene.store, job, Some(&mine)).await.unwrap();
    assert_eq!(scene.marker(job).await, None);
}

#[tokio::test]
async fn a_verdict_on_an_earlier_run_does_not_end_this_one() {
    let scene = Scene::new().await;
    let job = scene.queued(b"x").await;
    end(&scene.state, &scene.store, &JobVerdict::failed(job, Some(1), "first"), HOUR).await.unwrap();
    let manifest = scene.store.manifest(job).await.unwrap().unwrap();
    crate::mending::run_again(&scene.state, &scene.store, manifest, 1).await.unwrap();
    let late = end(&scene.state, &scene.store, &JobVerdict::failed(job, Some(1), "late"), HOUR).await.unwrap();
    assert_eq!(late, Transition::Refused { status: Some(JobStatus::Queued) });
    assert_eq!((scene.status(job).await, scene.marker(job).await), (JobStatus::Queued, None));
    scene.lose_redis().await;
    assert_eq!(scene.status(job).await, JobStatus::Queued);
}

fn marker(job: JobId, status: JobStatus) -> EndMarker {
    let final_filename = (status == JobStatus::Done).then(|| format!("{job}/{}.png", Token::random()));
    EndMarker {
        job,
        run: 1,
        status,
        reason: None,
        final_filename,
        bytes_out: 1,
        digest: None,
        notices: Vec::new(),
        finished_at: now(),
    }
}
