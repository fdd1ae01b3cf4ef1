//! Claims, marks and the way from stage to stage.

use super::*;

#[tokio::test]
async fn marks_go_from_new_to_complete_and_stay_so() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    for index in 0..11 {
        assert_eq!(scene.state.mark(&[mark(job, 0, &token, index)]).await.unwrap(), [Marked::New]);
        assert_eq!(scene.state.mark(&[mark(job, 0, &token, index)]).await.unwrap(), [Marked::Known]);
    }
    assert_eq!(scene.hash(job)["received_tiles"], "11");
    assert_eq!(scene.state.mark(&[mark(job, 0, &token, 11)]).await.unwrap(), [Marked::Complete]);
    assert_eq!(scene.state.mark(&[mark(job, 0, &token, 11)]).await.unwrap(), [Marked::Complete]);
    assert_eq!(scene.state.mark(&[mark(job, 0, &token, 3)]).await.unwrap(), [Marked::Complete]);
    assert_eq!(scene.hash(job)["received_tiles"], "12");
}

#[tokio::test]
async fn a_mark_counts_only_with_the_claim_in_its_stage_and_grid() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    let cases = [
        (mark(job, 0, &Token::random(), 1), Marked::Fenced),
        (mark(job, 1, &token, 1), Marked::Ended),
        (mark(job, 0, &token, 12), Marked::Ended),
        (mark(job, 0, &token, u32::MAX), Marked::Ended),
        (mark(JobId::random(), 0, &token, 1), Marked::Ended),
    ];
    for (mark, expected) in cases {
        assert_eq!(scene.state.mark(std::slice::from_ref(&mark)).await.unwrap(), [expected], "{mark:?}");
    }
    assert_eq!(scene.ttl(&format!("job:{{{job}}}:tiles:0")), -2);
    let unclaimed = scene.queued().await;
    assert_eq!(scene.state.mark(&[mark(unclaimed, 0, &token, 1)]).await.unwrap(), [Marked::Fenced]);
}

#[tokio::test]
async fn the_same_spool_keeps_its_claim_and_another_clears_it() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let (spool, first, second) = (Token::random(), Token::random(), Token::random());
    let state = &scene.state;
    let cleared = state.claim(job, 0, &spool, &first, "stitcher-1").await.unwrap();
    assert_eq!(cleared, Claim::Cleared { token: first.clone(), had: 0 });
    state.mark(&[mark(job, 0, &first, 3), mark(job, 0, &first, 4)]).await.unwrap();
    let held = state.claim(job, 0, &spool, &second, "stitcher-1").await.unwrap();
    assert_eq!(held, Claim::Held { token: first.clone() });
    assert_eq!(state.windows(&[(job, 0)]).await.unwrap()[0].received(), 2);
    let taken = state.claim(job, 0, &Token::random(), &second, "stitcher-2").await.unwrap();
    assert_eq!(taken, Claim::Cleared { token: second.clone(), had: 2 });
    assert_eq!(state.windows(&[(job, 0)]).await.unwrap()[0].received(), 0);
    assert_eq!((&*scene.hash(job)["received_tiles"], &*scene.hash(job)["stitcher"]), ("0", "stitcher-2"));
    assert_eq!(state.mark(&[mark(job, 0, &first, 5)]).await.unwrap(), [Marked::Fenced]);
    assert_eq!(state.mark(&[mark(job, 0, &second, 5)]).await.unwrap(), [Marked::New]);
}

#[tokio::test]
async fn a_claim_is_refused_for_other_stages_ended_and_unknown_jobs() {
    let scene = Scene::new().await;
    let (spool, token) = (Token::random(), Token::random());
    let claim = async |job, stage| scene.state.claim(job, stage, &spool, &token, "s").await.unwrap();
    let job = scene.queue(&manifest(2)).await;
    assert_eq!(claim(job, 1).await, Claim::OtherStage { stage: 0 });
    assert_eq!(claim(JobId::random(), 0).await, Claim::Unknown);
    scene.state.cancel(job, HOUR).await.unwrap();
    assert_eq!(claim(job, 0).await, Claim::Ended);
}

#[tokio::test]
async fn a_finishing_job_whose_tiles_are_lost_is_processing_again() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.mark_all(job, 0, &token).await;
    scene.state.finishing(job, &token).await.unwrap();
    let other = scene.claim(job, 0).await;
    assert_eq!(scene.status(job).await, Some(JobStatus::Processing));
    assert_eq!(scene.indexes(job), ["jobs", "jobs:ready", "jobs:status:processing"]);
    let refused = Transition::Refused { status: Some(JobStatus::Processing) };
    assert_eq!(scene.state.done(job, &token, &end(job), HOUR).await.unwrap(), refused);
    scene.mark_all(job, 0, &other).await;
    scene.state.finishing(job, &other).await.unwrap();
    assert_eq!(scene.state.done(job, &other, &end(job), HOUR).await.unwrap(), Transition::Made);
}

#[tokio::test]
async fn a_bad_slot_is_unmarked_and_its_tile_wanted_again() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.mark_all(job, 0, &token).await;
    scene.state.finishing(job, &token).await.unwrap();
    let refused = Transition::Refused { status: Some(JobStatus::Finishing) };
    assert_eq!(scene.state.unmark(job, 0, &Token::random(), 5).await.unwrap(), refused);
    assert_eq!(scene.state.unmark(job, 0, &token, 99).await.unwrap(), refused);
    assert_eq!(scene.state.unmark(job, 0, &token, 5).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.unmark(job, 0, &token, 5).await.unwrap(), Transition::AlreadySo);
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.status, view.received_tiles), (JobStatus::Processing, 11));
    let take = scene.state.take(job, 0, 5, &Token::random()).await.unwrap();
    assert_eq!(take, Take::Run { others: vec![] });
    assert_eq!(scene.state.mark(&[mark(job, 0, &token, 5)]).await.unwrap(), [Marked::Complete]);
    assert_eq!(scene.state.finishing(job, &token).await.unwrap(), Transition::Made);
}

#[tokio::test]
async fn the_next_stage_begins_from_nothing_and_is_ready() {
    let scene = Scene::new().await;
    let mut of = manifest(2);
    of.plan.stages[1].tile_width = 512;
    let job = scene.queue(&of).await;
    let splitter = Token::random();
    scene.state.lease(job, &splitter, "s").await.unwrap();
    let token = scene.claim(job, 0).await;
    let refused = Transition::Refused { status: Some(JobStatus::Processing) };
    let rows = Given::Rows("rows".to_owned());
    assert_eq!(scene.state.next_stage(job, 0, &token, &rows).await.unwrap(), refused, "tiles are missing");
    scene.mark_all(job, 0, &token).await;
    assert_eq!(scene.state.finishing(job, &token).await.unwrap(), refused, "not the last stage");
    assert_eq!(scene.state.done(job, &token, &end(job), HOUR).await.unwrap(), refused, "not the last stage");
    assert_eq!(scene.state.next_stage(job, 0, &Token::random(), &rows).await.unwrap(), refused);
    assert_eq!(scene.state.next_stage(job, 0, &token, &rows).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.next_stage(job, 0, &token, &rows).await.unwrap(), Transition::AlreadySo);
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.stage, view.total_tiles, view.received_tiles, view.tile_width), (1, 6, 0, 512));
    assert_eq!((view.grid_width, view.rows.as_deref()), (2, Some("rows")));
    assert!((view.progress() - 0.5).abs() < 1e-9);
    assert_eq!(scene.ttl(&format!("job:{{{job}}}:tiles:0")), -2);
    assert_eq!(scene.state.renew(&[(job, splitter)]).await.unwrap(), [LeaseState::Lost]);
    let granted = scene.state.lease(job, &Token::random(), "s").await.unwrap();
    assert_eq!(granted, Leased::Granted { stage: 1, run: 1, attempts: 1 });
    assert_eq!(scene.state.mark(&[mark(job, 0, &token, 1)]).await.unwrap(), [Marked::Ended], "a late tile");
    let token = scene.claim(job, 1).await;
    assert_eq!(scene.state.next_stage(job, 1, &token, &rows).await.unwrap(), refused, "there is no third");
}

#[tokio::test]
async fn numbers_of_all_stages_are_kept_and_a_retry_forgets_them() {
    let scene = Scene::new().await;
    let job = scene.queue(&manifest(4)).await;
    let given = [Given::Numbers(vec![7, -3]), Given::Rows("rows".to_owned()), Given::Numbers(vec![9])];
    for (stage, given) in (0..).zip(&given) {
        scene.state.lease(job, &Token::random(), "s").await.unwrap();
        let token = scene.claim(job, stage).await;
        scene.mark_all(job, stage, &token).await;
        assert_eq!(scene.state.next_stage(job, stage, &token, given).await.unwrap(), Transition::Made);
    }
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!(view.numbers, [(0, vec![7, -3]), (2, vec![9])].into());
    assert_eq!(view.rows.as_deref(), Some("rows"));
    scene.state.fail(job, "test", HOUR).await.unwrap();
    assert_eq!(scene.state.retry(job, 2).await.unwrap(), Transition::Made);
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.stage, view.numbers.len(), view.rows), (0, 0, None));
}

#[tokio::test]
async fn slots_that_belong_to_the_stage_are_taken_over_with_their_tiles_and_the_other_stitcher_is_fenced_off() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let (slots, first, second) = (Token::random(), Token::random(), Token::random());
    let state = &scene.state;
    state.claim(job, 0, &slots, &first, "stitcher-1").await.unwrap();
    state.mark(&[mark(job, 0, &first, 3), mark(job, 0, &first, 4)]).await.unwrap();
    let taken = state.claim(job, 0, &slots, &second, "stitcher-2").await.unwrap();
    assert_eq!(taken, Claim::Held { token: second.clone() });
    assert_eq!(state.windows(&[(job, 0)]).await.unwrap()[0].received(), 2);
    assert_eq!(scene.hash(job)["stitcher"], "stitcher-2");
    assert_eq!(state.mark(&[mark(job, 0, &first, 5)]).await.unwrap(), [Marked::Fenced]);
    let again = state.claim(job, 0, &slots, &Token::random(), "stitcher-2").await.unwrap();
    assert_eq!(again, Claim::Held { token: second });
}

#[tokio::test]
async fn tiles_are_asked_for_inline_only_while_they_are_wanted_and_no_longer_than_their_stage() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(2).await;
    let state = &scene.state;
    state.mark(&[mark(job, 0, &token, 3)]).await.unwrap();
    state.ask_inline(job, 0, &[3, 4, 5, 12, u32::MAX]).await.unwrap();
    state.ask_inline(job, 1, &[6]).await.unwrap();
    state.ask_inline(JobId::random(), 0, &[0]).await.unwrap();
    assert_eq!(state.inline_tiles(job, 0).await.unwrap(), [4, 5].into());
    assert!(state.inline_tiles(job, 1).await.unwrap().is_empty());
    state.mark(&(0..12).map(|index| mark(job, 0, &token, index)).collect::<Vec<_>>()).await.unwrap();
    state.next_stage(job, 0, &token, &Given::Numbers(vec![1])).await.unwrap();
    assert!(state.inline_tiles(job, 0).await.unwrap().is_empty());
}
