//! The state on a real Redis, at `TESSERA_TEST_REDIS_URL`, under a prefix of its own.

mod connection;
mod damage;
mod ends;
mod idempotency;
mod indexes;
mod leases;
mod lifecycle;
mod listing;
mod progress;
mod recovery;
mod stages;
mod stores;
mod tiles;
mod watching;
mod workers;

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::config::RedisArgs;
use crate::job::{EndMarker, JobId, Manifest, Priority, Token};
use crate::operation::Chain;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
use crate::plan::{Makes, Plan, Stage};
use crate::time::{between, millis, now};

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A state with keys of its own, which go when it is dropped.
pub(super) struct Scene {
    pub(super) state: State,
    pub(super) args: RedisArgs,
    client: redis::Client,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(StateOptions::default()).await
    }

    pub(super) async fn with(options: StateOptions) -> Self {
        let url = std::env::var("TESSERA_TEST_REDIS_URL").expect("TESSERA_TEST_REDIS_URL names a Redis for tests");
        let args = RedisArgs::new(url.clone(), format!("test-{}:", Token::random()));
        let state = tokio::time::timeout(Duration::from_secs(10), State::connect_with(&args, options));
        let state = state.await.expect("Redis answers within ten seconds").unwrap();
        state.set_sentinel().await.unwrap();
        Self { state, args, client: redis::Client::open(url).unwrap() }
    }

    /// Runs a command beside the state's own connection.
    pub(super) fn redis<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.client.get_connection().unwrap()).unwrap()
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.args.key_prefix)
    }

    pub(super) fn hash(&self, job: JobId) -> HashMap<String, String> {
        self.redis(&["HGETALL", &self.key(&format!("job:{{{job}}}"))])
    }

    /// All keys of this scene.
    pub(super) fn all_keys(&self) -> Vec<String> {
        self.redis(&["KEYS", &self.key("*")])
    }

    /// What FLUSHALL would do, for this scene only.
    pub(super) fn flush(&self) {
        for key in self.all_keys() {
            self.redis::<u32>(&["DEL", &key]);
        }
    }

    /// Seconds that a key has to live; -1: for ever, -2: there is none.
    pub(super) fn ttl(&self, key: &str) -> i64 {
        self.redis(&["TTL", &self.key(key)])
    }

    /// A job that is queued, of 4 × 3 tiles.
    pub(super) async fn queued(&self) -> JobId {
        self.queue(&manifest(1)).await
    }

    pub(super) async fn queue(&self, manifest: &Manifest) -> JobId {
        self.state.accept(manifest, HOUR).await.unwrap();
        assert_eq!(self.state.queue(manifest.job).await.unwrap(), Transition::Made);
        manifest.job
    }

    /// A job that is being read and whose stage is claimed.
    pub(super) async fn claimed(&self, stages: usize) -> (JobId, Token) {
        let job = self.queue(&manifest(stages)).await;
        self.state.lease(job, &Token::random(), "s").await.unwrap();
        (job, self.claim(job, 0).await)
    }

    pub(super) async fn claim(&self, job: JobId, stage: u32) -> Token {
        let token = Token::random();
        let claim = self.state.claim(job, stage, &Token::random(), &token, "stitcher-1").await.unwrap();
        assert!(matches!(claim, Claim::Cleared { .. }), "{claim:?}");
        token
    }

    pub(super) async fn mark_all(&self, job: JobId, stage: u32, token: &Token) {
        let marks: Vec<Mark> = (0..12).map(|index| mark(job, stage, token, index)).collect();
        let marked = self.state.mark(&marks).await.unwrap();
        assert_eq!(marked.last(), Some(&Marked::Complete));
    }

    pub(super) async fn finished(&self) -> (JobId, EndMarker) {
        let (job, token) = self.claimed(1).await;
        self.mark_all(job, 0, &token).await;
        self.state.finishing(job, &token).await.unwrap();
        let end = end(job);
        assert_eq!(self.state.done(job, &token, &end, HOUR).await.unwrap(), Transition::Made);
        (job, end)
    }

    pub(super) async fn status(&self, job: JobId) -> Option<JobStatus> {
        self.state.job(job).await.unwrap().map(|view| view.status)
    }

    /// Which indexes a job is in.
    pub(super) fn indexes(&self, job: JobId) -> Vec<String> {
        let names = ["jobs".to_owned(), "jobs:ready".to_owned()].into_iter();
        let names = names.chain(JobStatus::ALL.into_iter().map(|status| format!("jobs:status:{status}")));
        let within = |name: &String| {
            let score: Option<f64> = self.redis(&["ZSCORE", &self.key(name), &job.to_string()]);
            score.is_some()
        };
        names.filter(within).collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.client.get_connection().is_ok() {
            self.flush();
        }
    }
}

pub(super) fn mark(job: JobId, stage: u32, token: &Token, index: u32) -> Mark {
    Mark { job, stage, token: token.clone(), index, worker_number: 3, attempt: 1, run_ms: 1.5 }
}

pub(super) fn end(job: JobId) -> EndMarker {
    EndMarker {
        job,
        run: 1,
        status: JobStatus::Done,
        reason: None,
        final_filename: Some(format!("{job}/{}.png", Token::random())),
        bytes_out: 1234,
        digest: Some(crate::job::Digest::of(b"x")),
        notices: Vec::new(),
        finished_at: now(),
    }
}

/// A picture of 1000 × 700 in tiles of 256: 4 × 3.
pub(super) fn manifest(stages: usize) -> Manifest {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let input = PictureInfo { size: Size { width: 1000, height: 700 }, format };
    let steps = Chain::new(vec!["invert".parse().unwrap()]);
    let (halo, makes) = (0, Makes::Pixels);
    let stage = Stage { steps: steps.clone(), halo, input, output: input, tile_width: 256, tile_height: 256, makes };
    Manifest {
        trace: Some(crate::job::TraceContext::random()),
        job: JobId::random(),
        run: 1,
        filename: "a \"b\"\r\n<script>.png".to_owned(),
        owner: "anonymous".to_owned(),
        operations: steps.steps().to_vec(),
        format: "png".to_owned(),
        priority: Priority::Normal,
        bytes_in: 99,
        digest: None,
        request: None,
        kept: crate::job::KeptText::default(),
        notices: Vec::new(),
        quality: None,
        chroma: None,
        original_format: "png".to_owned(),
        plan: Plan { input, output: input, stages: vec![stage; stages] },
        plan_hash: None,
        tiled: None,
        created_at: now(),
    }
}
