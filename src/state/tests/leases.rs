//! One reader at a time, and those that kill their readers.

use super::*;

fn short() -> StateOptions {
    StateOptions { lease: Duration::from_millis(60), ..StateOptions::default() }
}

/// Waits until a lease has run out by the clock of Redis.
async fn dead(scene: &Scene, job: JobId) {
    let gone = async { while scene.state.job(job).await.unwrap().unwrap().leased {} };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the lease runs out");
}

#[tokio::test]
async fn a_lease_is_for_one_and_the_same_token_has_it_again() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let (mine, other) = (Token::random(), Token::random());
    let granted = Leased::Granted { stage: 0, run: 1, attempts: 1 };
    assert_eq!(scene.state.lease(job, &mine, "splitter-1").await.unwrap(), granted);
    assert_eq!(scene.state.lease(job, &mine, "splitter-1").await.unwrap(), granted);
    assert_eq!(scene.state.lease(job, &other, "splitter-2").await.unwrap(), Leased::Busy);
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert!(view.leased && view.started_at.is_some());
    assert_eq!((view.status, view.splitter.as_deref()), (JobStatus::Processing, Some("splitter-1")));
    assert_eq!(scene.indexes(job), ["jobs", "jobs:ready", "jobs:status:processing"]);
}

#[tokio::test]
async fn the_fourth_lease_after_three_deaths_is_exhausted() {
    let scene = Scene::with(short()).await;
    let job = scene.queued().await;
    for attempts in 1..=3 {
        let granted = scene.state.lease(job, &Token::random(), "s").await.unwrap();
        assert_eq!(granted, Leased::Granted { stage: 0, run: 1, attempts });
        dead(&scene, job).await;
    }
    assert_eq!(scene.state.lease(job, &Token::random(), "s").await.unwrap(), Leased::Exhausted);
    assert_eq!(scene.status(job).await, Some(JobStatus::Processing));
}

#[tokio::test]
async fn a_renewed_lease_lives_and_a_taken_one_is_lost() {
    let scene = Scene::with(short()).await;
    let (job, unknown) = (scene.queued().await, JobId::random());
    let (mine, other) = (Token::random(), Token::random());
    scene.state.lease(job, &mine, "s").await.unwrap();
    let until = scene.state.job(job).await.unwrap().unwrap().lease_until;
    dead(&scene, job).await;
    // Late, but it has not been taken: it is still the holder's.
    let states = scene.state.renew(&[(job, mine.clone()), (unknown, mine.clone())]).await.unwrap();
    assert_eq!(states, [LeaseState::Held, LeaseState::Lost]);
    assert!(scene.state.job(job).await.unwrap().unwrap().lease_until > until);
    dead(&scene, job).await;
    let taken = scene.state.lease(job, &other, "s").await.unwrap();
    assert_eq!(taken, Leased::Granted { stage: 0, run: 1, attempts: 2 });
    assert_eq!(scene.state.renew(&[(job, mine.clone())]).await.unwrap(), [LeaseState::Lost]);
    scene.state.release(job, &mine, Release::PassComplete).await.unwrap();
    assert_eq!(scene.hash(job)["lease"], other.to_string());
    scene.state.cancel(job, HOUR).await.unwrap();
    assert_eq!(scene.state.renew(&[(job, other)]).await.unwrap(), [LeaseState::Lost]);
}

#[tokio::test]
async fn a_complete_pass_is_not_ready_and_forgets_deaths() {
    let scene = Scene::with(short()).await;
    let job = scene.queued().await;
    scene.state.lease(job, &Token::random(), "s").await.unwrap();
    dead(&scene, job).await;
    let token = Token::random();
    scene.state.lease(job, &token, "s").await.unwrap();
    scene.state.release(job, &token, Release::PassComplete).await.unwrap();
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.attempts, view.lease), (0, None));
    assert_eq!(scene.indexes(job), ["jobs", "jobs:status:processing"]);
    scene.state.make_ready(job).await.unwrap();
    assert_eq!(scene.state.ready_jobs(10).await.unwrap(), [job]);
}

#[tokio::test]
async fn a_drained_lease_is_not_counted_and_stays_ready() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    for _ in 0..5 {
        let token = Token::random();
        let granted = scene.state.lease(job, &token, "s").await.unwrap();
        assert_eq!(granted, Leased::Granted { stage: 0, run: 1, attempts: 1 });
        scene.state.release(job, &token, Release::Drained).await.unwrap();
        scene.state.release(job, &token, Release::Drained).await.unwrap();
        assert_eq!(scene.state.ready_jobs(10).await.unwrap(), [job]);
    }
}

#[tokio::test]
async fn a_wish_for_another_pass_is_not_lost_at_the_end_of_one() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let token = Token::random();
    scene.state.lease(job, &token, "s").await.unwrap();
    scene.state.make_ready(job).await.unwrap();
    scene.state.release(job, &token, Release::PassComplete).await.unwrap();
    assert_eq!(scene.state.ready_jobs(10).await.unwrap(), [job]);
}

#[tokio::test]
async fn a_job_with_nothing_to_read_is_not_leased() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.mark_all(job, 0, &token).await;
    assert_eq!(scene.state.lease(job, &Token::random(), "s").await.unwrap(), Leased::Ended);
    assert!(scene.state.ready_jobs(10).await.unwrap().is_empty());
    let ended = scene.queued().await;
    scene.state.cancel(ended, HOUR).await.unwrap();
    scene.redis::<u32>(&["ZADD", &scene.key("jobs:ready"), "1", &ended.to_string()]);
    assert_eq!(scene.state.lease(ended, &Token::random(), "s").await.unwrap(), Leased::Ended);
    assert!(scene.state.ready_jobs(10).await.unwrap().is_empty());
    scene.state.make_ready(ended).await.unwrap();
    assert!(scene.state.ready_jobs(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_queue_is_by_priority_then_age() {
    let scene = Scene::new().await;
    let mut jobs = Vec::new();
    for (at, priority) in [(5, Priority::Low), (4, Priority::Normal), (3, Priority::Normal), (9, Priority::High)] {
        let created_at = format!("2026-01-01T00:00:0{at}.000Z");
        let of = Manifest { priority, created_at, ..manifest(1) };
        jobs.push(scene.queue(&of).await);
    }
    let expected = [jobs[3], jobs[2], jobs[1], jobs[0]];
    assert_eq!(scene.state.ready_jobs(10).await.unwrap(), expected);
    assert_eq!(scene.state.ready_jobs(2).await.unwrap(), expected[..2]);
}
