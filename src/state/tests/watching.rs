//! Looks at watched jobs.

use super::*;

#[tokio::test]
async fn a_look_gives_what_is_new() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(2).await;
    let unknown = Watched { job: JobId::random(), after: None, tiles_of: Some(0) };
    let first = Watched { job, after: None, tiles_of: Some(0) };
    scene.state.mark(&[mark(job, 0, &token, 5)]).await.unwrap();
    let seen = scene.state.glimpses(&[unknown, first.clone()]).await.unwrap();
    assert_eq!(seen[0], None);
    let look = seen[1].clone().unwrap();
    assert_eq!((look.view.status, look.view.received_tiles), (JobStatus::Processing, 1));
    let told: Vec<JobStatus> = look.changes.iter().filter_map(|change| change.status).collect();
    assert_eq!(told, [JobStatus::Accepting, JobStatus::Queued, JobStatus::Processing]);
    let tiles = look.tiles.unwrap();
    let made: Vec<usize> = (0..tiles.len()).filter(|index| tiles[*index].is_some()).collect();
    assert_eq!((tiles.len(), made, tiles[5].unwrap().worker_number), (12, vec![5], 3));

    let after = look.changes.last().map(|change| change.id.clone());
    scene.mark_all(job, 0, &token).await;
    scene.state.next_stage(job, 0, &token, &Given::Rows("rows".to_owned())).await.unwrap();
    let seen = scene.state.glimpses(&[Watched { after, ..first }]).await.unwrap();
    let look = seen[0].clone().unwrap();
    assert_eq!(look.changes.iter().map(|change| change.text.as_str()).collect::<Vec<_>>(), ["stage 1"]);
    assert_eq!(look.tiles, None, "the job is at another stage");
}

#[tokio::test]
async fn nothing_is_said_of_jobs_while_the_data_is_lost() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    scene.flush();
    let watched = Watched { job, after: None, tiles_of: None };
    assert!(matches!(scene.state.glimpses(&[watched]).await, Err(StateError::Unavailable(_))));
}
