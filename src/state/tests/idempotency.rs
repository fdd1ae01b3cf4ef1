//! Keys that stand for a job.

use super::*;

#[tokio::test]
async fn a_key_is_claimed_settled_and_known() {
    let scene = Scene::new().await;
    let state = &scene.state;
    let (mine, other, job) = (Token::random(), Token::random(), JobId::random());
    let claim = async |key: &str, print: &str, token: &Token| {
        state.claim_key("anonymous", key, print, token, HOUR, None).await.unwrap()
    };
    assert_eq!(claim("k", "f", &mine).await, Idempotency::Claimed);
    assert_eq!(claim("k", "f", &mine).await, Idempotency::Claimed);
    assert_eq!(claim("k", "f", &other).await, Idempotency::Busy);
    assert_eq!(claim("k", "g", &other).await, Idempotency::Mismatch);
    assert!(!state.settle_key("anonymous", "k", "f", &other, job, HOUR).await.unwrap());
    assert!(state.settle_key("anonymous", "k", "f", &mine, job, HOUR).await.unwrap());
    assert_eq!(claim("k", "f", &other).await, Idempotency::Known { job });
    assert_eq!(claim("k", "g", &other).await, Idempotency::Mismatch);
    let elsewhere = state.claim_key("somebody", "k", "g", &other, HOUR, None).await.unwrap();
    assert_eq!(elsewhere, Idempotency::Claimed);
}

#[tokio::test]
async fn a_freed_key_can_be_claimed_again_and_only_its_holder_frees_it() {
    let scene = Scene::new().await;
    let (mine, other) = (Token::random(), Token::random());
    let claim = async |token: &Token| scene.state.claim_key("a", "k", "f", token, HOUR, None).await.unwrap();
    assert_eq!(claim(&mine).await, Idempotency::Claimed);
    scene.state.free_key("a", "k", &other).await.unwrap();
    assert_eq!(claim(&other).await, Idempotency::Busy);
    scene.state.free_key("a", "k", &mine).await.unwrap();
    assert_eq!(claim(&other).await, Idempotency::Claimed);
}

#[tokio::test]
async fn the_senders_text_is_never_a_key() {
    let scene = Scene::new().await;
    scene.state.claim_key("a", "x\r\nSET y {1}", "f\"\\", &Token::random(), HOUR, None).await.unwrap();
    let keys: Vec<String> = scene.redis(&["KEYS", &scene.key("idempotency:*")]);
    assert_eq!(keys.len(), 1);
    assert!(keys[0].rsplit(':').next().unwrap().bytes().all(|byte| byte.is_ascii_hexdigit()));
    let ttl: i64 = scene.redis(&["TTL", &keys[0]]);
    assert!((3590..=3600).contains(&ttl));
}

#[tokio::test]
async fn a_key_is_taken_from_a_job_without_a_result_by_one_request() {
    let scene = Scene::new().await;
    let state = &scene.state;
    let (first, second, third, dead) = (Token::random(), Token::random(), Token::random(), JobId::random());
    let claim =
        async |token: &Token, print: &str, dead| state.claim_key("a", "k", print, token, HOUR, dead).await.unwrap();
    claim(&first, "f", None).await;
    assert!(state.settle_key("a", "k", "f", &first, dead, HOUR).await.unwrap());
    assert_eq!(claim(&second, "f", Some(JobId::random())).await, Idempotency::Known { job: dead });
    assert_eq!(claim(&second, "g", Some(dead)).await, Idempotency::Mismatch);
    assert_eq!(claim(&second, "f", Some(dead)).await, Idempotency::Claimed);
    assert_eq!(claim(&third, "f", Some(dead)).await, Idempotency::Busy, "the second was first");
}

#[tokio::test]
async fn a_claim_that_redis_lost_is_settled_and_none_is_made_while_its_data_is_lost() {
    let scene = Scene::new().await;
    let (mine, job) = (Token::random(), JobId::random());
    let claim = async |token: &Token| scene.state.claim_key("a", "k", "f", token, HOUR, None).await;
    assert_eq!(claim(&mine).await.unwrap(), Idempotency::Claimed);
    scene.flush();
    assert!(matches!(claim(&Token::random()).await, Err(StateError::Unavailable(_))));
    scene.flush();
    scene.state.set_sentinel().await.unwrap();
    assert!(scene.state.settle_key("a", "k", "f", &mine, job, HOUR).await.unwrap());
    assert_eq!(claim(&Token::random()).await.unwrap(), Idempotency::Known { job });
}
