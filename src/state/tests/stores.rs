//! Which store is the system's.

use super::*;
use crate::store::StoreId;

#[tokio::test]
async fn the_first_store_stays_until_it_is_replaced() {
    let scene = Scene::new().await;
    let state = &scene.state;
    let (first, second) = (StoreId::random(), StoreId::random());
    assert_eq!(state.system_store().await.unwrap(), None);
    assert_eq!(state.adopt_store(first, "here").await.unwrap().id, first);
    assert_eq!(state.adopt_store(second, "there").await.unwrap().id, first);
    let known = state.system_store().await.unwrap().unwrap();
    assert_eq!((known.id, known.place.as_str()), (first, "here"));
    assert_eq!(state.replace_store(second, "there").await.unwrap().id, second);
}

#[tokio::test]
async fn a_service_s_word_counts_while_it_is_fresh() {
    let scene = Scene::new().await;
    let (state, id) = (&scene.state, StoreId::random());
    scene.redis::<u32>(&["HSET", &scene.key("tessera:stores"), "old", r#"{"id":"","place":"x","at_ms":1}"#]);
    scene.redis::<u32>(&["HSET", &scene.key("tessera:stores"), "odd", "rubbish"]);
    state.announce_store("web-1", Some(id), "here").await.unwrap();
    state.announce_store("stitcher-1", None, "nowhere").await.unwrap();
    let said = state.announced_stores().await.unwrap();
    let said: Vec<_> = said.iter().map(|of| (of.service.as_str(), of.id, of.place.as_str())).collect();
    assert_eq!(said, [("stitcher-1", None, "nowhere"), ("web-1", Some(id), "here")]);
    assert_eq!(scene.redis::<u32>(&["HLEN", &scene.key("tessera:stores")]), 2, "the old and the odd are gone");
}
