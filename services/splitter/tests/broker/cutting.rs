//! Which tiles are sent and when: the window, what is sent again, and how a pass ends.

use tessera::bus::records::JobCommand;
use tessera::bus::{Group, Topic};
use tessera::job::JobStatus;
use tessera::store::Store;

use crate::running::{Running, Tasks, accepted, read_to_the_end, tell};
use crate::support::{LONG, Picture, Rig, until};

#[actix_web::test]
async fn an_accepted_picture_is_cut_in_a_window_and_only_what_is_missing_is_sent() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1100, 256, &["gaussian_blur:ksize=9", "invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    // 20 tiles; without workers 8 may be out. A second, small job shows that no ninth came meanwhile.
    tasks.wait_for(8).await;
    let small = Picture::rgb(100, 100, 256, &["invert"]);
    let other = accepted(&rig, &small, small.png()).await;
    tell(&rig, &JobCommand::Accepted { job: other.job }).await;
    tasks.wait_for(9).await;
    assert_eq!(tasks.indices(other.job), [0]);
    assert_eq!(tasks.indices(job), (0..8).collect::<Vec<_>>());
    // A bit that is set makes room for one more; one that is set early makes its tile needless.
    rig.mark(job, 0, &[3, 12]).await;
    tasks.wait_for(10).await;
    assert_eq!(tasks.indices(job), (0..9).collect::<Vec<_>>());
    rig.mark(job, 0, &(0..9).collect::<Vec<_>>()).await;
    tasks.wait_for(18).await;
    assert_eq!(tasks.indices(job), (0..12).chain(13..18).collect::<Vec<_>>());
    rig.mark(job, 0, &(9..18).collect::<Vec<_>>()).await;
    read_to_the_end(&rig, job).await;
    tasks.wait_for(20).await;
    for ((_, index), sent) in tasks.seen.iter().filter(|((of, _), _)| *of == job) {
        let (expected, pixels) = picture.task(&manifest, *index);
        assert_eq!(sent.len(), 1, "tile {index}");
        assert_eq!((&sent[0].0, &sent[0].1), (&expected, &pixels), "tile {index}");
    }
    assert_eq!(rig.all(Topic::Tasks).len(), 20);
    rig.caught_up(Group::Jobs).await;
}

#[actix_web::test]
async fn resend_sends_the_missing_tiles_as_another_attempt() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(700, 500, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(6).await;
    rig.mark(job, 0, &[0, 1, 2, 5]).await;
    read_to_the_end(&rig, job).await;
    tell(&rig, &JobCommand::Resend { job, stage: 0, reason: "a test".to_owned(), inline: Vec::new() }).await;
    tasks.wait_for(8).await;
    read_to_the_end(&rig, job).await;
    assert_eq!(rig.all(Topic::Tasks).len(), 8);
    let attempts = |index: u32| tasks.seen[&(job, index)].iter().map(|(task, _)| task.attempt).collect::<Vec<_>>();
    for index in 0..6 {
        let expected: &[u32] = if [3, 4].contains(&index) { &[1, 2] } else { &[1] };
        assert_eq!(attempts(index), expected, "tile {index}");
    }
}

#[actix_web::test]
async fn a_splitter_that_is_asked_to_stop_gives_its_lease_back_and_another_goes_on() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let first = Running::start(&rig, "first");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    first.stop();
    let view = rig.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.leased, view.attempts, view.status), (false, 0, JobStatus::Processing));
    rig.caught_up(Group::Jobs).await;
    rig.mark(job, 0, &(0..8).collect::<Vec<_>>()).await;
    let _second = Running::start(&rig, "second");
    tasks.wait_for(16).await;
    assert_eq!(tasks.indices(job), (0..16).collect::<Vec<_>>());
}

#[actix_web::test]
async fn a_cancelled_job_stops_being_sent_and_makes_room() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    rig.state.cancel(job, LONG).await.unwrap();
    tell(&rig, &JobCommand::Ended { job }).await;
    let store = Store::open(&rig.store).unwrap();
    until("the end marker", async || store.end(job).await.unwrap().is_some()).await;
    assert_eq!(store.end(job).await.unwrap().unwrap().status, JobStatus::Cancelled);
    // Two jobs that never finish beside it would need three places.
    let others = [accepted(&rig, &picture, picture.png()).await, accepted(&rig, &picture, picture.png()).await];
    for other in &others {
        tell(&rig, &JobCommand::Accepted { job: other.job }).await;
    }
    tasks.wait_for(24).await;
    assert_eq!(tasks.indices(job), (0..8).collect::<Vec<_>>());
}

#[actix_web::test]
async fn ended_is_believed_only_of_a_job_that_has_ended() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    tell(&rig, &JobCommand::Ended { job }).await;
    rig.caught_up(Group::Jobs).await;
    rig.mark(job, 0, &(0..8).collect::<Vec<_>>()).await;
    tasks.wait_for(16).await;
    assert_eq!(tasks.indices(job), (0..16).collect::<Vec<_>>());
    assert!(tasks.seen.values().all(|sent| sent.len() == 1), "the pass was ended and started over");
}

/// A worker has failed it: it reaches Redis and perhaps no store.
#[actix_web::test]
async fn the_end_marker_of_a_job_that_another_has_failed_is_written() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let store = Store::open(&rig.store).unwrap();
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    Tasks::of(&rig).wait_for(8).await;
    assert!(store.end(job).await.unwrap().is_none());
    rig.state.fail(job, "tile 3 ends workers", std::time::Duration::from_secs(3600)).await.unwrap();
    tell(&rig, &JobCommand::Ended { job }).await;
    rig.caught_up(Group::Jobs).await;
    let end = store.end(job).await.unwrap().expect("an end marker");
    assert_eq!((end.status, end.reason.as_deref()), (JobStatus::Failed, Some("tile 3 ends workers")));
}

#[actix_web::test]
async fn a_pass_whose_tiles_are_lost_waits_until_it_is_told_to_send_them_again() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    rig.mark(job, 0, &[0, 1]).await;
    tasks.wait_for(10).await;
    tell(&rig, &JobCommand::Resend { job, stage: 0, reason: "a test".to_owned(), inline: Vec::new() }).await;
    tasks.wait_for(18).await;
    for index in 0..10 {
        assert_eq!(tasks.seen[&(job, index)].len(), if index < 2 { 1 } else { 2 }, "tile {index}");
    }
}

#[actix_web::test]
async fn rows_that_are_read_are_progress_and_a_pass_that_waits_is_none() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    Tasks::of(&rig).wait_for(8).await;
    let view = async || rig.state.job(job).await.unwrap().unwrap();
    // The lease is renewed again and again; the rows are noted once, and then time goes by.
    until("the pass to lie still", async || view().await.moments.idle_ms() > 5_000).await;
    let (moved, lease_until) = (view().await.moments.progress, view().await.lease_until);
    until("a renewal", async || view().await.lease_until > lease_until).await;
    assert_eq!(view().await.moments.progress, moved);
}
