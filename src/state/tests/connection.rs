//! What counts as down, and how the connection comes back.

use std::net::TcpListener;

use super::*;

#[tokio::test]
async fn without_the_sentinel_redis_is_down() {
    let scene = Scene::new().await;
    scene.state.ping().await.unwrap();
    scene.flush();
    assert!(matches!(scene.state.ping().await, Err(StateError::Unavailable(_))));
}

#[tokio::test]
async fn a_job_that_an_emptied_redis_does_not_know_has_not_ended() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.flush();
    let state = &scene.state;
    let is_down = |error: StateError| assert!(matches!(error, StateError::Unavailable(_)), "{error}");
    is_down(state.job(job).await.unwrap_err());
    is_down(state.take(job, 0, 0, &token).await.unwrap_err());
    is_down(state.mark(&[mark(job, 0, &token, 0)]).await.unwrap_err());
    is_down(state.claim(job, 0, &token, &token, "x").await.unwrap_err());
    is_down(state.lease(job, &token, "x").await.unwrap_err());
    is_down(state.renew(&[(job, token.clone())]).await.unwrap_err());
    is_down(state.release(job, &token, Release::PassComplete).await.unwrap_err());
    is_down(state.windows(&[(job, 0)]).await.unwrap_err());
    is_down(state.fail(job, "x", HOUR).await.unwrap_err());
    is_down(state.make_ready(job).await.unwrap_err());
    is_down(state.repair_indexes().await.unwrap_err());
    assert!(scene.all_keys().is_empty(), "nothing was written: {:?}", scene.all_keys());
}

#[tokio::test]
async fn scripts_survive_that_redis_forgets_them() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    scene.redis::<()>(&["SCRIPT", "FLUSH"]);
    let marks: Vec<Mark> = (0..11).map(|index| mark(job, 0, &token, index)).collect();
    assert_eq!(scene.state.mark(&marks).await.unwrap(), vec![Marked::New; 11]);
    scene.redis::<()>(&["SCRIPT", "FLUSH"]);
    assert_eq!(scene.state.lease(JobId::random(), &token, "s").await.unwrap(), Leased::Ended);
}

#[tokio::test]
async fn many_calls_are_answered_in_order() {
    let scene = Scene::new().await;
    let (job, token) = scene.claimed(1).await;
    let marks: Vec<Mark> = (0..1000).map(|at| mark(job, 0, &token, at % 10)).collect();
    let marked = scene.state.mark(&marks).await.unwrap();
    assert!(marked[..10].iter().all(|marked| *marked == Marked::New));
    assert!(marked[10..].iter().all(|marked| *marked == Marked::Known));
    assert_eq!(marked.len(), 1000);
}

#[tokio::test]
async fn a_lost_connection_comes_back() {
    let scene = Scene::new().await;
    let id: u64 = scene.state.query(redis::cmd("CLIENT").arg("ID")).await.unwrap();
    scene.redis::<u32>(&["CLIENT", "KILL", "ID", &id.to_string()]);
    let back = async {
        while scene.state.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.expect("the connection is made again");
}

#[tokio::test]
async fn silence_and_refusal_are_down_within_a_bound() {
    // Accepts by the kernel's backlog and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let options = StateOptions { response: Duration::from_millis(100), ..StateOptions::default() };
    let args = RedisArgs::new(format!("redis://{address}/0"), "");
    let state = State::lazy(&args, options).unwrap();
    // The same question with a bound of a minute: what it takes here is the bound's doing, however slow this machine is.
    let patient = StateOptions { response: Duration::from_secs(60), ..options };
    let patient = State::lazy(&args, patient).unwrap();
    let mut waits = std::pin::pin!(patient.ping());
    for _ in 0..5 {
        tokio::select! {
            biased;
            answer = state.ping() => assert!(matches!(answer, Err(StateError::Unavailable(_)))),
            answer = &mut waits => panic!("the bound of 100 ms was not kept: {answer:?}"),
        }
    }
    drop(silent);
    let state = State::lazy(&args, options).unwrap();
    assert!(matches!(state.ping().await, Err(StateError::Unavailable(_))));
}

#[tokio::test]
async fn an_address_that_is_none_is_said_without_its_password() {
    let args = RedisArgs::new("redis://user:secret@host:port/0", "");
    let error = State::connect(&args).await.err().unwrap();
    assert!(matches!(error, StateError::Data(_)));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn what_is_not_of_the_right_kind_is_data_not_down() {
    let scene = Scene::new().await;
    let job = scene.queued().await;
    scene.redis::<()>(&["SET", &scene.key(&format!("job:{{{job}}}:tries:0")), "x"]);
    let error = scene.state.take(job, 0, 0, &Token::random()).await.unwrap_err();
    assert!(matches!(error, StateError::Data(_)), "{error}");
}
