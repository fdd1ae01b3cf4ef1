//! Keys that hold another kind of value than belongs there: the job they are of fails alone, shared ones are mended.

use super::*;

impl Scene {
    /// Puts a value of another kind at a key of a job, or at a shared one.
    fn spoil(&self, name: &str) {
        let key = self.key(name);
        self.redis::<u32>(&["DEL", &key]);
        // A set is what none of Tessera's keys is.
        self.redis::<u32>(&["SADD", &key, "rubbish"]);
    }

    fn spoil_job(&self, job: JobId, what: &str) {
        self.spoil(&format!("job:{{{job}}}{what}"));
    }
}

#[tokio::test]
async fn a_bad_key_is_its_own_jobs_answer_and_not_the_batch() {
    let scene = Scene::new().await;
    for bad_key in ["", ":tiles:0"] {
        let (bad, bad_token) = scene.claimed(1).await;
        let (good, token) = scene.claimed(1).await;
        scene.spoil_job(bad, bad_key);
        let views = scene.state.windows(&[(bad, 0), (good, 0)]).await.unwrap();
        assert!(views[0].damage.is_some() && views[1].damage.is_none(), "{bad_key}: {views:?}");
        assert_eq!(views[1].status, Some(JobStatus::Processing));
        let marks = [mark(bad, 0, &bad_token, 0), mark(good, 0, &token, 0)];
        assert_eq!(scene.state.mark(&marks).await.unwrap(), [Marked::Damaged, Marked::New], "{bad_key}");
        let views = scene.state.views(&[bad, good]).await.unwrap();
        assert!(views.iter().any(|view| view.job == good));
        let look = |job| Watched { job, after: None, tiles_of: Some(0) };
        assert!(scene.state.glimpses(&[look(bad), look(good)]).await.unwrap()[1].is_some());
        let listed = scene.state.list(None, Order::default(), 10, None).await.unwrap().0;
        assert!(listed.iter().any(|view| view.job == good));
    }
}

#[tokio::test]
async fn a_job_with_any_bad_key_can_be_failed_and_says_why() {
    let scene = Scene::new().await;
    for bad_key in ["", ":tiles:0", ":by:0", ":tries:0", ":events"] {
        let (job, _) = scene.claimed(1).await;
        scene.spoil_job(job, bad_key);
        let reason = StateError::Data("a key holds another kind of value (WRONGTYPE)".to_owned()).as_reason();
        assert_eq!(scene.state.fail(job, &reason, HOUR).await.unwrap(), Transition::Made, "{bad_key}");
        let view = scene.state.job(job).await.unwrap().unwrap();
        assert_eq!((view.status, view.reason.as_deref()), (JobStatus::Failed, Some(reason.as_str())), "{bad_key}");
        assert!(scene.indexes(job).contains(&"jobs:status:failed".to_owned()), "{bad_key}");
        assert!(scene.ttl(&format!("job:{{{job}}}")) > 0);
    }
}

#[tokio::test]
async fn what_is_only_for_people_does_not_fail_a_job() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.spoil_job(job, ":events");
    scene.spoil_job(job, ":by:0");
    scene.mark_all(job, 0, &token).await;
    assert_eq!(scene.state.finishing(job, &token).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.done(job, &token, &end(job), HOUR).await.unwrap(), Transition::Made);
}

#[tokio::test]
async fn a_hash_that_is_something_else_is_told_to_the_sweeper_and_made_anew_from_the_manifest() {
    let scene = Scene::new().await;
    let (bad, _) = scene.claimed(1).await;
    let (good, _) = scene.claimed(1).await;
    scene.spoil_job(bad, "");
    let (jobs, damaged) = scene.state.jobs_in_hand(10).await.unwrap();
    assert_eq!((jobs.iter().map(|view| view.job).collect::<Vec<_>>(), damaged), (vec![good], vec![bad]));
    assert!(matches!(scene.state.job(bad).await, Err(StateError::Data(_))));
    let again = Manifest { job: bad, ..manifest(1) };
    scene.state.accept(&again, HOUR).await.unwrap();
    assert_eq!(scene.status(bad).await, Some(JobStatus::Accepting));
}

#[tokio::test]
async fn a_bad_lease_is_lost_and_the_others_are_renewed() {
    let scene = Scene::new().await;
    let (bad, good, token) = (scene.queued().await, scene.queued().await, Token::random());
    scene.state.lease(bad, &token, "s").await.unwrap();
    scene.state.lease(good, &token, "s").await.unwrap();
    scene.spoil_job(bad, "");
    let states = scene.state.renew(&[(bad, token.clone()), (good, token)]).await.unwrap();
    assert_eq!(states, [LeaseState::Lost, LeaseState::Held]);
}

#[tokio::test]
async fn indexes_of_another_kind_are_made_anew() {
    let scene = Scene::new().await;
    for index in ["jobs", "jobs:ready", "jobs:status:queued", "jobs:status:processing", "jobs:status:failed"] {
        let before = scene.queued().await;
        scene.spoil(index);
        let job = scene.queued().await;
        assert_eq!(scene.indexes(job).len(), 3, "{index}: {:?}", scene.indexes(job));
        // As the monitor does once a minute, for the jobs that were in it before.
        scene.state.repair_indexes().await.unwrap();
        let ready = scene.state.ready_jobs(100).await.unwrap();
        assert!(ready.contains(&job) && ready.contains(&before), "{index}");
        scene.spoil(index);
        let listed = scene.state.list(None, Order::default(), 100, None).await.unwrap().0;
        assert!(listed.iter().any(|view| view.job == before), "{index}");
        scene.spoil(index);
        scene.state.counts().await.unwrap();
        scene.spoil(index);
        assert_eq!(scene.state.fail(job, "x", HOUR).await.unwrap(), Transition::Made, "{index}");
        scene.state.jobs_in_hand(10).await.unwrap();
    }
}
