//! The way of a job to its end: accepted, queued, told and timed. How it ends is in `ends.rs`.

use super::*;

#[tokio::test]
async fn accepting_is_unlisted_and_short_lived() {
    let scene = Scene::new().await;
    let manifest = manifest(1);
    let job = manifest.job;
    scene.state.accept(&manifest, Duration::from_secs(90)).await.unwrap();
    assert_eq!(scene.status(job).await, Some(JobStatus::Accepting));
    assert_eq!(scene.indexes(job), Vec::<String>::new());
    let ttl = scene.ttl(&format!("job:{{{job}}}"));
    assert!((1..=90).contains(&ttl), "{ttl}");
    assert_eq!(scene.ttl(&format!("job:{{{job}}}:events")), ttl);
    assert_eq!(scene.state.lease(job, &Token::random(), "s").await.unwrap(), Leased::Ended);
}

#[tokio::test]
async fn the_hash_reads_as_the_design_says() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let hash = scene.hash(job);
    let expected = [
        ("status", "queued"),
        ("filename", "a \"b\"\r\n<script>.png"),
        ("owner", "anonymous"),
        ("operations", "invert"),
        ("format", "png"),
        ("total_tiles", "12"),
        ("received_tiles", "0"),
        ("tile_width", "256"),
        ("tile_height", "256"),
        ("grid_width", "4"),
        ("grid_height", "3"),
        ("original_width", "1000"),
        ("original_height", "700"),
        ("result_width", "1000"),
        ("result_height", "700"),
        ("stage", "0"),
        ("stages", "1"),
        ("run", "1"),
        ("priority", "normal"),
        ("attempts", "0"),
        ("bytes_in", "99"),
    ];
    for (name, value) in expected {
        assert_eq!(hash.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(millis(&hash["created_at"]).unwrap() > 0 && millis(&hash["updated_at"]).unwrap() > 0);
}

#[tokio::test]
async fn queued_is_listed_ready_and_for_ever() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    assert_eq!(scene.ttl(&format!("job:{{{job}}}")), -1);
    assert_eq!(scene.ttl(&format!("job:{{{job}}}:events")), -1);
    assert_eq!(scene.indexes(job), ["jobs", "jobs:ready", "jobs:status:queued"]);
    assert_eq!(scene.state.queue(job).await.unwrap(), Transition::AlreadySo);
    let unknown = scene.state.queue(JobId::random()).await.unwrap();
    assert_eq!(unknown, Transition::Refused { status: None });
}

#[tokio::test]
async fn a_second_queue_completes_indexes_that_lack_it() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    for name in scene.indexes(job) {
        scene.redis::<u32>(&["ZREM", &scene.key(&name), &job.to_string()]);
    }
    assert!(scene.indexes(job).is_empty());
    assert_eq!(scene.state.queue(job).await.unwrap(), Transition::AlreadySo);
    assert_eq!(scene.indexes(job), ["jobs", "jobs:ready", "jobs:status:queued"]);
}

#[tokio::test]
async fn accepting_again_changes_nothing() {
    let scene = Scene::new().await;
    let manifest = manifest(1);
    scene.queue(&manifest).await;
    scene.state.accept(&manifest, HOUR).await.unwrap();
    assert_eq!(scene.status(manifest.job).await, Some(JobStatus::Queued));
    assert_eq!(scene.ttl(&format!("job:{{{}}}", manifest.job)), -1);
}

#[tokio::test]
async fn a_withdrawn_job_leaves_nothing_and_a_begun_one_stays() {
    let scene = Scene::new().await;
    let manifest = manifest(1);
    scene.state.accept(&manifest, HOUR).await.unwrap();
    assert_eq!(scene.state.withdraw(manifest.job).await.unwrap(), Transition::Made);
    assert_eq!(scene.state.withdraw(manifest.job).await.unwrap(), Transition::AlreadySo);
    let queued = scene.queued().await;
    assert_eq!(scene.state.withdraw(queued).await.unwrap(), Transition::Made);
    assert_eq!(scene.all_keys(), [scene.key("tessera:alive")]);
    let (begun, _) = scene.claimed(1).await;
    let refused = Transition::Refused { status: Some(JobStatus::Processing) };
    assert_eq!(scene.state.withdraw(begun).await.unwrap(), refused);
}

#[tokio::test]
async fn times_are_kept_of_the_job_and_of_its_stages() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(2).await;
    scene.state.add_times(job, None, &[("upload", 3)]).await.unwrap();
    scene.state.add_times(job, Some(0), &[("split", 5), ("encode", 7)]).await.unwrap();
    scene.mark_all(job, 0, &token).await;
    scene.state.mark(&[mark(job, 0, &token, 2)]).await.unwrap();
    scene.state.next_stage(job, 0, &token, &Given::Rows("rows".to_owned())).await.unwrap();
    scene.state.add_times(job, Some(1), &[("split", 6)]).await.unwrap();
    let odd = Mark { run_ms: f32::NAN, ..mark(job, 1, &scene.claim(job, 1).await, 0) };
    assert_eq!(scene.state.mark(&[odd]).await.unwrap(), [Marked::New]);
    let view = scene.state.job(job).await.unwrap().unwrap();
    let named = |ms: &std::collections::BTreeMap<String, u64>, name: &str| ms.get(name).copied();
    let of_job = ["upload", "split", "kernels", "encode"].map(|name| named(&view.ms, name));
    assert_eq!(of_job, [Some(3), Some(11), Some(18), Some(7)], "each tile's time counts once");
    assert_eq!(named(&view.stage_ms[&0], "kernels"), Some(18));
    assert_eq!([0, 1].map(|stage| named(&view.stage_ms[&stage], "split")), [Some(5), Some(6)]);
    assert!(view.ms.contains_key("queue") && view.stage_ms[&0].contains_key("total"));
    scene.state.fail(job, "x", HOUR).await.unwrap();
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert!(view.ms["total"] >= view.stage_ms[&1]["total"]);
    scene.state.retry(job, 2).await.unwrap();
    let view = scene.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.ms, view.stage_ms.len()), ([("upload".to_owned(), 3)].into(), 0));
}

#[tokio::test]
async fn state_changes_are_told_in_order() {
    let scene = Scene::new().await;
    let (job, _) = scene.finished().await;
    let events = scene.state.events(job, None).await.unwrap();
    let told: Vec<JobStatus> = events.iter().filter_map(|event| event.status).collect();
    use JobStatus::*;
    assert_eq!(told, [Accepting, Queued, Processing, Finishing, Done]);
    let rest = scene.state.events(job, Some(&events[2].id)).await.unwrap();
    assert_eq!(rest, events[3..]);
    assert!(matches!(scene.state.events(job, Some("rubbish")).await, Err(StateError::Data(_))));
}

#[tokio::test]
async fn moments_are_called_so_and_those_of_an_earlier_version_still_count() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let key = scene.key(&format!("job:{{{job}}}"));
    assert!(!scene.hash(job).contains_key("queued_ms"), "durations begin with ms_, moments end in _at_ms");
    let queued_at = scene.hash(job)["queued_at_ms"].parse::<i64>().unwrap();
    scene.redis::<u32>(&["HDEL", &key, "queued_at_ms"]);
    scene.redis::<u32>(&["HSET", &key, "queued_ms", &(queued_at - 5_000).to_string()]);
    scene.state.lease(job, &Token::random(), "s").await.unwrap();
    assert!(scene.state.job(job).await.unwrap().unwrap().ms["queue"] >= 5_000);
}

#[tokio::test]
async fn what_the_sender_should_know_grows_by_what_is_new() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    let notices = async || scene.state.job(job).await.unwrap().unwrap().notices;
    let before = notices().await;
    let more = ["a (first) word.".to_owned(), "a second".to_owned()];
    scene.state.add_notices(job, &more[..1]).await.unwrap();
    scene.state.add_notices(job, &more).await.unwrap();
    scene.state.add_notices(job, &more).await.unwrap();
    assert_eq!(notices().await, [before, more.to_vec()].concat());
    let unknown = JobId::random();
    scene.state.add_notices(unknown, &more).await.unwrap();
    assert!(scene.state.job(unknown).await.unwrap().is_none(), "a job that is gone does not come back");
}
