//! Pages, counts and the repair of indexes.

use super::*;

#[tokio::test]
async fn pages_follow_each_other_from_the_newest() {
    let scene = Scene::new().await;
    let mut jobs = Vec::new();
    for _ in 0..7 {
        jobs.push(scene.queued().await);
    }
    jobs.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (page, next) = scene.state.list(None, Order::Newest, 3, cursor.as_deref()).await.unwrap();
        assert!(page.len() <= 3);
        seen.extend(page.iter().map(|view| view.job));
        // A newer job does not shift the pages.
        scene.queued().await;
        let Some(next) = next else { break };
        cursor = Some(next);
    }
    assert_eq!(seen, jobs);
    jobs.reverse();
    let (first, next) = scene.state.list(None, Order::Oldest, 4, None).await.unwrap();
    let (second, _) = scene.state.list(None, Order::Oldest, 3, next.as_deref()).await.unwrap();
    let oldest: Vec<_> = first.iter().chain(&second).map(|view| view.job).collect();
    assert_eq!(oldest, jobs);
    assert!(matches!(scene.state.list(None, Order::Newest, 3, Some("(x")).await, Err(StateError::Data(_))));
}

#[tokio::test]
async fn a_list_is_of_one_status_and_counts_agree() {
    let scene = Scene::new().await;
    let queued = scene.queued().await;
    let (processing, _) = scene.claimed(1).await;
    let (done, _) = scene.finished().await;
    let (page, _) = scene.state.list(Some(JobStatus::Done), Order::Newest, 10, None).await.unwrap();
    assert_eq!(page.iter().map(|view| view.job).collect::<Vec<_>>(), [done]);
    let counts: HashMap<JobStatus, u64> = scene.state.counts().await.unwrap().into_iter().collect();
    assert_eq!((counts[&JobStatus::Queued], counts[&JobStatus::Processing], counts[&JobStatus::Done]), (1, 1, 1));
    assert_eq!(scene.state.queued().await.unwrap(), 2);
    let working = scene.state.processing_jobs(10).await.unwrap();
    assert_eq!(working.iter().map(|view| (view.job, view.leased)).collect::<Vec<_>>(), [(processing, true)]);
    assert_ne!(queued, processing);
}

#[tokio::test]
async fn an_index_that_lags_shows_no_wrong_status() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    scene.redis::<u32>(&["ZADD", &scene.key("jobs:status:done"), "0", &job.to_string()]);
    assert!(scene.state.list(Some(JobStatus::Done), Order::Newest, 10, None).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn a_repair_makes_indexes_agree_with_hashes() {
    let scene = Scene::new().await;
    let queued = scene.queued().await;
    let (processing, _) = scene.claimed(1).await;
    let (done, _) = scene.finished().await;
    let expected: Vec<_> = [queued, processing, done].map(|job| scene.indexes(job)).into();
    let accepting = manifest(1);
    scene.state.accept(&accepting, HOUR).await.unwrap();
    let stray = JobId::random();
    for name in ["jobs:ready", "jobs", "jobs:status:queued"] {
        scene.redis::<u32>(&["DEL", &scene.key(name)]);
        scene.redis::<u32>(&["ZADD", &scene.key(name), "0", &stray.to_string(), "0", "rubbish"]);
    }
    scene.redis::<u32>(&["ZADD", &scene.key("jobs:ready"), "0", &done.to_string()]);
    scene.redis::<u32>(&["ZADD", &scene.key("jobs:ready"), "0", &processing.to_string()]);
    scene.redis::<u32>(&["ZADD", &scene.key("jobs:status:failed"), "0", &done.to_string()]);
    assert_eq!(scene.state.repair_indexes().await.unwrap(), 4);
    assert_eq!([queued, processing, done].map(|job| scene.indexes(job)).to_vec(), expected);
    assert!(scene.indexes(stray).is_empty());
    assert!(scene.indexes(accepting.job).is_empty());
    let rubbish: Option<f64> = scene.redis(&["ZSCORE", &scene.key("jobs"), "rubbish"]);
    assert_eq!(rubbish, None);
}

#[tokio::test]
async fn activity_is_newest_first() {
    let scene = Scene::new().await;
    let job = JobId::random();
    scene.state.activity("one", None).await.unwrap();
    scene.state.activity("two", Some(job)).await.unwrap();
    let lines = scene.state.activities(10).await.unwrap();
    let lines: Vec<_> = lines.iter().map(|line| (line.text.as_str(), line.job)).collect();
    assert_eq!(lines, [("two", Some(job)), ("one", None)]);
}
