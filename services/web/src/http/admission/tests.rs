use actix_web::http::header::HeaderMap;

use super::*;
use crate::proxies::Proxies;

fn client() -> Client {
    Client::of(None, &HeaderMap::new(), &Proxies::default())
}

fn admission(ready: bool, max_uploads: usize) -> Admission {
    let health = Health::new(&["kafka", "redis"]);
    if ready {
        health.set("kafka", Ok(()));
        health.set("redis", Ok(()));
    }
    let limits = LimitArgs { max_uploads, max_upload_bytes: 1000, max_queued_jobs: 5, ..LimitArgs::default() };
    Admission::new(health, limits, Budget::new(2 * UPLOAD_BYTES), WithoutWorkers::Queue)
}

#[tokio::test]
async fn no_upload_enters_while_a_dependency_is_down() {
    let problem = admission(false, 2).enter(client(), None).await.unwrap_err();
    assert!(matches!(&problem, Problem::Unavailable(text) if text == "kafka and redis is not available now"));
    let stopping = admission(true, 2);
    stopping.health.drain();
    assert!(matches!(stopping.enter(client(), None).await, Err(Problem::Unavailable(_))));
}

#[tokio::test]
async fn limits_are_known_before_the_body() {
    let admission = admission(true, 2);
    assert!(admission.enter(client(), Some(1000)).await.is_ok());
    assert!(matches!(admission.enter(client(), Some(1 << 20)).await, Err(Problem::TooLarge(_))));
    admission.unfinished_jobs.store(5, Ordering::Relaxed);
    assert!(matches!(admission.enter(client(), None).await, Err(Problem::TooMany(_))));
}

#[tokio::test]
async fn a_place_is_waited_for_a_while_and_comes_back_when_dropped() {
    let admission = admission(true, 1);
    let place = admission.enter(client(), None).await.unwrap();
    let (waiting, ()) = tokio::join!(admission.enter(client(), None), async { drop(place) });
    let place = waiting.unwrap();
    let impatient =
        Admission { wait: Duration::from_millis(20), places: admission.places.clone(), ..self::admission(true, 1) };
    let problem = impatient.enter(client(), None).await.unwrap_err();
    assert!(matches!(&problem, Problem::Unavailable(text) if text.contains("max_uploads")));
    drop(place);
    assert!(impatient.enter(client(), None).await.is_ok());
}

#[tokio::test]
async fn without_workers_uploads_are_queued_or_refused_as_the_setting_says() {
    let queueing = admission(true, 2);
    queueing.live_slots.store(0, Ordering::Relaxed);
    assert!(queueing.enter(client(), None).await.is_ok());
    let refusing = Admission { without_workers: WithoutWorkers::Refuse, ..queueing };
    let problem = refusing.enter(client(), None).await.unwrap_err();
    assert!(matches!(&problem, Problem::Unavailable(text) if text.contains("without_workers")));
    refusing.live_slots.store(1, Ordering::Relaxed);
    assert!(refusing.enter(client(), None).await.is_ok());
}

#[tokio::test]
async fn uploads_beyond_the_memory_budget_are_told_to_come_again() {
    let admission = Admission { wait: Duration::from_millis(20), ..admission(true, 9) };
    let places = (admission.enter(client(), None).await.unwrap(), admission.enter(client(), None).await.unwrap());
    let problem = admission.enter(client(), None).await.unwrap_err();
    assert!(matches!(&problem, Problem::Unavailable(text) if text.contains("memory_budget")));
    drop(places);
    assert!(admission.enter(client(), None).await.is_ok());
}
