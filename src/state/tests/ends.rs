//! How jobs end, and what may follow: every transition and every refusal.

use super::*;

const WEEK: i64 = 7 * 24 * 3600;

#[tokio::test]
async fn done_publishes_the_name_once_and_ends_the_keys() {
    let scene = Scene::new().await;
    let (job, end) = scene.finished().await;
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.status, &view.final_filename, view.bytes_out), (JobStatus::Done, &end.final_filename, 1234));
    assert!((view.progress() - 1.0).abs() < 1e-9 && view.lease.is_none());
    assert_eq!(scene.indexes(job), ["jobs", "jobs:status:done"]);
    for key in ["", ":events", ":tiles:0", ":by:0"] {
        let ttl = scene.ttl(&format!("job:{{{job}}}{key}"));
        assert!((3590 + WEEK..=3600 + WEEK).contains(&ttl), "{key}: {ttl}");
    }
}

#[tokio::test]
async fn the_same_done_again_is_a_success_and_another_file_a_loser() {
    let scene = Scene::new().await;
    let (job, first) = scene.finished().await;
    let token: Token = scene.hash(job)["claim"].parse().unwrap();
    assert_eq!(scene.state.done(job, &token, &first, HOUR).await.unwrap(), Transition::AlreadySo);
    let loser = scene.state.done(job, &token, &end(job), HOUR).await.unwrap();
    assert_eq!(loser, Transition::Refused { status: Some(JobStatus::Done) });
    assert_eq!(scene.hash(job)["final_filename"], first.final_filename.unwrap());
}

#[tokio::test]
async fn done_needs_the_claim_and_all_tiles() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    let refused = Transition::Refused { status: Some(JobStatus::Processing) };
    assert_eq!(scene.state.done(job, &token, &end(job), HOUR).await.unwrap(), refused);
    assert_eq!(scene.state.finishing(job, &token).await.unwrap(), refused);
    scene.mark_all(job, 0, &token).await;
    assert_eq!(scene.state.done(job, &Token::random(), &end(job), HOUR).await.unwrap(), refused);
    assert_eq!(scene.state.finishing(job, &Token::random()).await.unwrap(), refused);
    assert_eq!(scene.state.finishing(job, &token).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.finishing(job, &token).await.unwrap(), Transition::AlreadySo);
    assert_eq!(scene.indexes(job), ["jobs", "jobs:ready", "jobs:status:finishing"]);
    let nameless = EndMarker { final_filename: None, ..end(job) };
    assert!(matches!(scene.state.done(job, &token, &nameless, HOUR).await, Err(StateError::Data(_))));
}

#[tokio::test]
async fn failing_and_cancelling_end_any_unfinished_job_and_no_other() {
    let scene = Scene::new().await;
    let queued = scene.queued().await;
    assert_eq!(scene.state.fail(queued, "row 3 of 9", HOUR).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.fail(queued, "again", HOUR).await.unwrap(), Transition::AlreadySo);
    let failed = Transition::Refused { status: Some(JobStatus::Failed) };
    assert_eq!(scene.state.cancel(queued, HOUR).await.unwrap(), failed);
    assert_eq!(scene.hash(queued)["reason"], "row 3 of 9");
    assert_eq!(scene.indexes(queued), ["jobs", "jobs:status:failed"]);
    let (processing, token) = scene.claimed(1).await;
    assert_eq!(scene.state.cancel(processing, HOUR).await.unwrap(), Transition::Made);
    assert_eq!(scene.indexes(processing), ["jobs", "jobs:status:cancelled"]);
    assert!(scene.ttl(&format!("job:{{{processing}}}")) > WEEK);
    let marked = scene.state.mark(&[mark(processing, 0, &token, 0)]).await.unwrap();
    assert_eq!(marked, [Marked::Ended]);
    assert_eq!(scene.ttl(&format!("job:{{{processing}}}:tiles:0")), -2);
    let (done, _) = scene.finished().await;
    let refused = Transition::Refused { status: Some(JobStatus::Done) };
    assert_eq!(scene.state.fail(done, "late", HOUR).await.unwrap(), refused);
    assert_eq!(scene.state.queue(done).await.unwrap(), refused);
    let none = Transition::Refused { status: None };
    assert_eq!(scene.state.fail(JobId::random(), "x", HOUR).await.unwrap(), none);
}

#[tokio::test]
async fn a_long_reason_is_cut() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    scene.state.fail(job, &"ä".repeat(10_000), HOUR).await.unwrap();
    assert_eq!(scene.hash(job)["reason"].chars().count(), 500);
}

#[tokio::test]
async fn a_retry_is_the_next_run_from_nothing() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.state.mark(&[mark(job, 0, &token, 5)]).await.unwrap();
    scene.state.take(job, 0, 6, &Token::random()).await.unwrap();
    let refused = Transition::Refused { status: Some(JobStatus::Processing) };
    assert_eq!(scene.state.retry(job, 2).await.unwrap(), refused);
    scene.state.fail(job, "x", HOUR).await.unwrap();
    assert_eq!(scene.state.retry(job, 3).await.unwrap(), Transition::Refused { status: Some(JobStatus::Failed) });
    assert_eq!(scene.state.retry(job, 2).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.retry(job, 2).await.unwrap(), Transition::AlreadySo);
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.status, view.run, view.received_tiles, view.attempts), (JobStatus::Queued, 2, 0, 0));
    assert_eq!((view.reason, view.started_at, view.finished_at), (None, None, None));
    assert_eq!(scene.indexes(job), ["jobs", "jobs:ready", "jobs:status:queued"]);
    for key in ["", ":events"] {
        assert_eq!(scene.ttl(&format!("job:{{{job}}}{key}")), -1, "{key}");
    }
    for key in [":tiles:0", ":by:0", ":tries:0"] {
        assert_eq!(scene.ttl(&format!("job:{{{job}}}{key}")), -2, "{key}");
    }
    assert_eq!(scene.state.mark(&[mark(job, 0, &token, 0)]).await.unwrap(), [Marked::Fenced]);
}

#[tokio::test]
async fn only_what_ended_expires() {
    let scene = Scene::new().await;
    let (job, _) = scene.finished().await;
    let ttl = scene.ttl(&format!("job:{{{job}}}"));
    assert_eq!(scene.state.expire(job).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.expire(job).await.unwrap(), Transition::AlreadySo);
    assert_eq!(scene.indexes(job), ["jobs", "jobs:status:expired"]);
    assert!((ttl - 5..=ttl).contains(&scene.ttl(&format!("job:{{{job}}}"))));
    let queued = scene.queued().await;
    assert_eq!(scene.state.expire(queued).await.unwrap(), Transition::Refused { status: Some(JobStatus::Queued) });
    assert_eq!(scene.state.retry(job, 2).await.unwrap(), Transition::Refused { status: Some(JobStatus::Expired) });
}
