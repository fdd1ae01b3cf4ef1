//! Services of one and of two stores, on a real Redis under a prefix of its own.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::config::{RedisArgs, StoreArgs, Sync};
use crate::job::Token;
use crate::state::StateOptions;

struct Scene {
    dir: TempDir,
    redis: RedisArgs,
}

impl Scene {
    fn new() -> Self {
        let url = std::env::var("TESSERA_TEST_REDIS_URL").expect("TESSERA_TEST_REDIS_URL names a Redis for tests");
        Self { dir: tempfile::tempdir().unwrap(), redis: RedisArgs::new(url, format!("test-{}:", Token::random())) }
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self, name: &str) -> Store {
        let store = format!("file://{}", self.folder(name).display());
        Store::at(&StoreArgs { store, scratch_dir: self.folder("scratch"), sync: Sync::None }).unwrap()
    }

    fn service(&self, name: &str, store: &str) -> SameStore {
        let state = State::lazy(&self.redis, StateOptions::default()).unwrap();
        SameStore::new(&self.store(store), &state, name)
    }

    /// What FLUSHALL would do, for this scene only.
    fn flush(&self) {
        let mut connection = redis::Client::open(self.redis.redis_url.clone()).unwrap().get_connection().unwrap();
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(format!("{}*", self.redis.key_prefix)).query(&mut connection).unwrap();
        for key in keys {
            redis::cmd("DEL").arg(key).query::<u32>(&mut connection).unwrap();
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.flush();
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

fn said(outcome: Result<(), StoreProblem>) -> String {
    match outcome {
        Err(StoreProblem::Another(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_first_store_is_the_system_s_and_another_is_told_both_ids() {
    let scene = Scene::new();
    let (mut one, mut two) = (scene.service("splitter-1", "a"), scene.service("stitcher-1", "a"));
    let (first, second) = tokio::join!(one.look(), two.look());
    assert_eq!((first, second), (Ok(()), Ok(())), "two first users agree");
    let ours = scene.store("a").identity().await.unwrap().unwrap();
    let theirs = scene.store("b").make_identity().await.unwrap();
    let text = said(scene.service("stitcher-2", "b").look().await);
    for part in [ours.to_string(), theirs.to_string(), scene.folder("b").display().to_string()] {
        assert!(text.contains(&part), "{text}");
    }
    assert!(text.contains("TESSERA_STORE") && text.contains("--adopt-store"), "{text}");
    let announced = one.state.announced_stores().await.unwrap();
    let of = |name: &str| announced.iter().find(|of| of.service.starts_with(name)).unwrap().id;
    assert_eq!((of("splitter-1"), of("stitcher-2")), (Some(ours), Some(theirs)));
}

#[tokio::test]
async fn whoever_comes_while_the_first_makes_its_store_the_system_s_is_told_nothing_wrong() {
    for round in 0..20 {
        let scene = Scene::new();
        let looks = (0..8).map(|number| {
            let mut service = scene.service(&format!("worker-{number}"), "a");
            async move {
                for _ in 0..number {
                    tokio::task::yield_now().await;
                }
                service.look().await
            }
        });
        assert_eq!(futures_util::future::join_all(looks).await, [const { Ok(()) }; 8], "round {round}");
    }
}

#[tokio::test]
async fn a_stranger_does_not_become_the_system_when_redis_loses_its_data() {
    let scene = Scene::new();
    scene.store("b").make_identity().await.unwrap();
    let (mut ours, mut stranger) = (scene.service("web-1", "a"), scene.service("monitor-2", "b"));
    ours.look().await.unwrap();
    said(stranger.look().await);
    scene.flush();
    said(stranger.look().await);
    assert_eq!(stranger.state.system_store().await.unwrap(), None, "it has not made its own store the system's");
    ours.look().await.unwrap();
    let id = ours.store.identity().await.unwrap().unwrap();
    assert_eq!(ours.state.system_store().await.unwrap().unwrap().id, id);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_neither_made_nor_used() {
    let scene = Scene::new();
    scene.service("web-1", "a").look().await.unwrap();
    let mut late = scene.service("stitcher-1", "b");
    assert!(said(late.look().await).contains("is not there or has no id"));
    assert!(!scene.folder("b").exists(), "it would be in the way of the one that comes back");
    let away = scene.folder("away");
    std::fs::rename(scene.folder("a"), &away).unwrap();
    let mut service = scene.service("stitcher-1", "a");
    said(service.look().await);
    assert!(is_empty(&scene.folder("a")));
    std::fs::rename(&away, scene.folder("a")).unwrap();
    service.look().await.unwrap();
}

#[tokio::test]
async fn an_operator_can_make_another_store_the_system_s() {
    let scene = Scene::new();
    let id = scene.store("b").make_identity().await.unwrap();
    let (mut old, mut new) = (scene.service("web-1", "a"), scene.service("web-2", "b"));
    old.look().await.unwrap();
    new.state.replace_store(id, "b").await.unwrap();
    new.look().await.unwrap();
    said(old.look().await);
}

#[tokio::test]
async fn a_service_waits_until_its_store_is_the_system_s() {
    let scene = Scene::new();
    let id = scene.store("b").make_identity().await.unwrap();
    scene.service("web-1", "a").look().await.unwrap();
    let health = Health::new(&["store"]);
    let (stop, shutdown) = Shutdown::new();
    let mut waiting = scene.service("stitcher-1", "b");
    let state = waiting.state.clone();
    let adopt = async {
        while !health.readiness().dependencies["store"].contains(&id.to_string()) {
            tokio::task::yield_now().await;
        }
        assert!(!health.is_ready());
        state.replace_store(id, "b").await.unwrap();
    };
    let (is_ours, ()) = tokio::join!(waiting.is_ours(&health, &shutdown), adopt);
    assert!(is_ours && health.is_ready());
    scene.store("c").make_identity().await.unwrap();
    stop.request();
    assert!(!scene.service("stitcher-2", "c").is_ours(&health, &shutdown).await, "a stop ends the waiting");
}

#[tokio::test]
async fn what_was_seen_counts_while_redis_is_away() {
    let scene = Scene::new();
    let mut service = scene.service("web-1", "a");
    service.look().await.unwrap();
    let nowhere = RedisArgs::new("redis://127.0.0.1:1/0", "");
    service.state = State::lazy(&nowhere, StateOptions::default()).unwrap();
    service.look().await.unwrap();
    let mut fresh = scene.service("web-2", "a");
    fresh.state = service.state.clone();
    assert!(matches!(fresh.look().await, Err(StoreProblem::Unusable(_))));
}
