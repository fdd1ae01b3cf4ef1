//! What counts as progress, who waits in line, and what was left half done.

use super::*;

/// For calls whose answer does not matter, only that there is one.
fn ok<T>(_: T) {}

/// Sets a job's last progress far back, and says whether `act` made it new.
async fn moves(scene: &Scene, job: JobId, act: impl AsyncFnOnce()) -> bool {
    scene.redis::<u32>(&["HSET", &scene.key(&format!("job:{{{job}}}")), "progress_ms", "1000"]);
    act().await;
    scene.state.job(job).await.unwrap().unwrap().moments.progress > 1000
}

#[tokio::test]
async fn new_tiles_rows_strips_and_stages_are_progress_and_nothing_else_is() {
    let scene = Scene::new().await;
    let (state, lease, spool, token) = (&scene.state, Token::random(), Token::random(), Token::random());
    let job = scene.queue(&manifest(2)).await;
    assert!(moves(&scene, job, async || ok(state.lease(job, &lease, "s").await.unwrap())).await, "the first lease");
    let claim = async || ok(state.claim(job, 0, &spool, &token, "s").await.unwrap());
    assert!(!moves(&scene, job, claim).await, "a claim");
    assert!(!moves(&scene, job, async || ok(state.renew(&[(job, lease.clone())]).await.unwrap())).await, "a renewal");
    let tile = mark(job, 0, &token, 3);
    assert!(moves(&scene, job, async || ok(state.mark(std::slice::from_ref(&tile)).await.unwrap())).await, "a tile");
    assert!(!moves(&scene, job, async || ok(state.mark(&[tile]).await.unwrap())).await, "the same again");
    assert!(!moves(&scene, job, async || ok(state.unmark(job, 0, &token, 3).await.unwrap())).await, "a lost tile");
    assert!(!moves(&scene, job, async || state.make_ready(job).await.unwrap()).await, "a wish");
    let end = async || state.release(job, &lease, Release::PassComplete).await.unwrap();
    assert!(!moves(&scene, job, end).await, "the end of a pass");
    let again = async || ok(state.lease(job, &Token::random(), "s").await.unwrap());
    assert!(!moves(&scene, job, again).await, "another lease");
    assert!(moves(&scene, job, async || state.moved(&[(job, 0)]).await.unwrap()).await, "rows or strips");
    assert!(!moves(&scene, job, async || state.moved(&[(job, 1)]).await.unwrap()).await, "those of another stage");
    assert!(!moves(&scene, job, async || state.waits_in_line(&[(job, 0)]).await.unwrap()).await, "waiting");
    assert!(!moves(&scene, job, async || state.heard(job, 0).await.unwrap()).await, "a check");
    assert!(state.job(job).await.unwrap().unwrap().moments.heard > 0);
    scene.mark_all(job, 0, &token).await;
    let next = async || ok(state.next_stage(job, 0, &token, &Given::Numbers(vec![1])).await.unwrap());
    assert!(moves(&scene, job, next).await, "the next stage");
    assert_eq!(state.job(job).await.unwrap().unwrap().passes, 2);
}

#[tokio::test]
async fn moments_are_those_of_redis_whatever_the_hash_s_texts_say() {
    let scene = Scene::new().await;
    let (job, _) = scene.finished().await;
    let key = scene.key(&format!("job:{{{job}}}"));
    scene.redis::<u32>(&[
        "HSET",
        &key,
        "started_at",
        "2001-01-01T00:00:00.000Z",
        "finished_at",
        "2001-01-01T00:00:00Z",
    ]);
    let moments = scene.state.job(job).await.unwrap().unwrap().moments;
    let minute = 0..60_000;
    assert!(minute.contains(&moments.running_ms().unwrap()) && minute.contains(&moments.ended_ms().unwrap()));
    assert!(minute.contains(&moments.idle_ms()));
}

#[tokio::test]
async fn who_waits_in_line_is_believed_for_a_while() {
    let scene = Scene::new().await;
    let (job, _) = scene.claimed(1).await;
    let moments = async || scene.state.job(job).await.unwrap().unwrap().moments;
    assert!(!moments().await.is_in_line());
    scene.state.waits_in_line(&[(job, 0), (JobId::random(), 0)]).await.unwrap();
    let seen = moments().await;
    assert!(seen.is_in_line() && seen.in_line_until <= seen.looked + 15_000);
}

#[tokio::test]
async fn where_a_job_stands_is_told() {
    let scene = Scene::new().await;
    let (job, other) = (scene.queued().await, scene.queued().await);
    let (one, two) = (Token::random(), Token::random());
    for start in [&one, &two] {
        scene.state.take(job, 0, 5, start).await.unwrap();
    }
    let lease = Token::random();
    scene.state.lease(other, &lease, "s").await.unwrap();
    scene.state.release(other, &lease, Release::PassComplete).await.unwrap();
    let standings = scene.state.standings(&[(job, 0), (other, 0)]).await.unwrap();
    let first = Standing { is_ready: true, in_hand: [one, two].into() };
    assert_eq!(standings, [first, Standing::default()]);
}

#[tokio::test]
async fn what_was_left_accepting_is_found() {
    let scene = Scene::new().await;
    scene.queued().await;
    let left = manifest(1);
    scene.state.accept(&left, HOUR).await.unwrap();
    assert!(scene.state.left_accepting(HOUR).await.unwrap().is_empty());
    assert_eq!(scene.state.left_accepting(Duration::ZERO).await.unwrap(), [left.job]);
}
