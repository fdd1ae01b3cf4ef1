//! Tiles on their way out.

use super::*;

fn tries(scene: &Scene, job: JobId) -> HashMap<String, String> {
    scene.redis(&["HGETALL", &scene.key(&format!("job:{{{job}}}:tries:0"))])
}

#[tokio::test]
async fn a_tile_is_run_until_it_is_in_the_spool() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    let worker = Token::random();
    assert_eq!(scene.state.take(job, 0, 4, &worker).await.unwrap(), Take::Run { others: vec![] });
    assert_eq!(tries(&scene, job), [("4".to_owned(), worker.to_string())].into());
    scene.state.give_back(job, 0, 4).await.unwrap();
    assert!(tries(&scene, job).is_empty());
    scene.state.mark(&[mark(job, 0, &token, 4)]).await.unwrap();
    assert_eq!(scene.state.take(job, 0, 4, &worker).await.unwrap(), Take::Skip);
    assert_eq!(scene.state.take(job, 1, 5, &worker).await.unwrap(), Take::Skip, "another stage");
    assert_eq!(scene.state.take(job, 0, 12, &worker).await.unwrap(), Take::Skip, "no such tile");
    assert_eq!(scene.state.take(JobId::random(), 0, 0, &worker).await.unwrap(), Take::Skip);
    scene.state.cancel(job, HOUR).await.unwrap();
    assert_eq!(scene.state.take(job, 0, 5, &worker).await.unwrap(), Take::Skip);
    assert!(tries(&scene, job).is_empty());
}

#[tokio::test]
async fn those_that_took_a_tile_and_did_not_finish_are_named() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let workers: Vec<Token> = (0..3).map(|_| Token::random()).collect();
    for (at, worker) in workers.iter().enumerate() {
        let others = workers[..at].to_vec();
        assert_eq!(scene.state.take(job, 0, 7, worker).await.unwrap(), Take::Run { others });
    }
    // The record comes again to a worker that has it: it is not another try.
    let others = vec![workers[0].clone(), workers[2].clone()];
    assert_eq!(scene.state.take(job, 0, 7, &workers[1]).await.unwrap(), Take::Run { others });
    scene.state.hand_back(job, 0, 7, &workers[0]).await.unwrap();
    let others = vec![workers[2].clone(), workers[1].clone()];
    assert_eq!(scene.state.take(job, 0, 7, &Token::random()).await.unwrap(), Take::Run { others });
    for _ in 0..40 {
        scene.state.take(job, 0, 7, &Token::random()).await.unwrap();
    }
    assert_eq!(tries(&scene, job)["7"].split(',').count(), 16, "the list is bounded");
}

#[tokio::test]
async fn handing_back_the_last_hold_leaves_nothing() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let worker = Token::random();
    scene.state.take(job, 0, 7, &worker).await.unwrap();
    scene.state.hand_back(job, 0, 7, &Token::random()).await.unwrap();
    assert_eq!(tries(&scene, job).len(), 1);
    scene.state.hand_back(job, 0, 7, &worker).await.unwrap();
    assert_eq!(scene.ttl(&format!("job:{{{job}}}:tries:0")), -2);
}

#[tokio::test]
async fn a_window_shows_status_stage_and_tiles() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    let other = scene.queued().await;
    scene.state.mark(&[mark(job, 0, &token, 0), mark(job, 0, &token, 9)]).await.unwrap();
    let views = scene.state.windows(&[(job, 0), (other, 0), (JobId::random(), 0)]).await.unwrap();
    assert_eq!((views[0].status, views[0].stage, views[0].received()), (Some(JobStatus::Processing), 0, 2));
    let set: Vec<u32> = (0..12).filter(|index| views[0].has(*index)).collect();
    assert_eq!(set, [0, 9]);
    assert_eq!((views[1].status, views[1].received()), (Some(JobStatus::Queued), 0));
    assert_eq!(views[2].status, None);
    assert!(scene.state.windows(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_mosaic_says_who_made_what() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    let marks = [
        Mark { worker_number: 513, attempt: 2, run_ms: 12.5, ..mark(job, 0, &token, 11) },
        Mark { worker_number: u16::MAX, attempt: 1 << 20, run_ms: 1e9, ..mark(job, 0, &token, 2) },
    ];
    scene.state.mark(&marks).await.unwrap();
    let tiles = scene.state.tiles_by(job, 0).await.unwrap();
    assert_eq!(tiles.len(), 12);
    assert_eq!(tiles[11], Some(TileBy { worker_number: 513, attempt: 2, run_us: 12_500 }));
    assert_eq!(tiles[2], Some(TileBy { worker_number: u16::MAX, attempt: u16::MAX, run_us: u32::MAX }));
    assert_eq!(tiles.iter().flatten().count(), 2);
    assert_eq!(scene.state.missing_tiles(job, 0, 3).await.unwrap(), [0, 1, 3]);
    assert!(scene.state.tiles_by(JobId::random(), 0).await.unwrap().is_empty());
}

/// 100,352 x 100,352 pixels in tiles of 512.
#[tokio::test]
async fn the_tiles_of_ten_gigapixels_are_a_few_bytes_each() {
    let scene = Scene::new().await;
    let mut large = manifest(1);
    let side = 196 * 512;
    large.plan.stages[0].input.size = Size { width: side, height: side };
    (large.plan.stages[0].tile_width, large.plan.stages[0].tile_height) = (512, 512);
    let job = scene.queue(&large).await;
    scene.state.lease(job, &Token::random(), "s").await.unwrap();
    let token = scene.claim(job, 0).await;
    let tiles: Vec<u32> = (0..38_416).step_by(7).chain([38_415]).collect();
    let marks: Vec<Mark> = tiles.iter().map(|index| mark(job, 0, &token, *index)).collect();
    assert!(scene.state.mark(&marks).await.unwrap().iter().all(|marked| *marked == Marked::New));
    let by = scene.state.tiles_by(job, 0).await.unwrap();
    assert_eq!((by.len(), by.iter().flatten().count()), (38_416, tiles.len()));
    let length = |name: &str| scene.redis::<u64>(&["STRLEN", &scene.key(&format!("job:{{{job}}}:{name}:0"))]);
    assert_eq!((length("tiles"), length("by")), (38_416 / 8, 38_416 * 8));
}

#[tokio::test]
async fn finished_tiles_are_given_back_with_the_next_that_is_taken() {
    let scene = Scene::new().await;
    let (job, _) = scene.claimed(1).await;
    let (state, worker, other) = (&scene.state, Token::random(), Token::random());
    for index in [1, 2] {
        state.take(job, 0, index, &worker).await.unwrap();
    }
    let run = Take::Run { others: Vec::new() };
    assert_eq!(state.take_and_give_back(job, 0, 3, &worker, &[1, 2]).await.unwrap(), run);
    assert_eq!(state.take(job, 0, 1, &other).await.unwrap(), run);
    assert_eq!(state.take(job, 0, 3, &other).await.unwrap(), Take::Run { others: vec![worker] });
}
