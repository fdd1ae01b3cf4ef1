use std::net::SocketAddr;

use actix_web::http::header::HeaderMap;

use super::*;
use crate::proxies::Proxies;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

fn client(number: u8) -> Client {
    let peer = SocketAddr::from(([127, 0, 0, number], 1));
    Client::of(Some(peer), &HeaderMap::new(), &Proxies::default())
}

#[tokio::test]
async fn a_place_is_waited_for_and_comes_back_when_dropped() {
    let places = Places::new(1, 8);
    let place = places.enter(client(1), SHORT).await.unwrap();
    assert!(places.enter(client(2), SHORT).await.is_none());
    let (next, ()) = tokio::join!(places.enter(client(2), LONG), async { drop(place) });
    assert_eq!(places.taken(), 1);
    drop(next.unwrap());
    assert_eq!(places.taken(), 0);
}

#[tokio::test]
async fn no_client_has_all_places_or_all_the_room_to_wait() {
    let places = Places::new(4, 4);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(places.enter(client(1), SHORT).await.unwrap());
    }
    assert!(places.enter(client(1), SHORT).await.is_none());
    let waiting: Vec<_> = (0..3).map(|_| Box::pin(places.enter(client(1), LONG))).collect();
    let waiting = futures_util::future::join_all(waiting);
    let others = async {
        assert!(places.enter(client(1), LONG).await.is_none(), "its room to wait is full");
        held.push(places.enter(client(2), LONG).await.unwrap());
        held.clear();
    };
    let (served, ()) = tokio::join!(waiting, others);
    assert!(served.iter().all(Option::is_some));
}

#[tokio::test]
async fn the_slowest_gives_way_to_those_who_wait_and_who_is_fast_does_not() {
    let places = Places::new(3, 8);
    let begin = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
    let mut held = Vec::new();
    for (number, bytes) in [(1, 10 << 20), (2, 60_000), (3, 1000)] {
        let place = places.enter(client(number), SHORT).await.unwrap();
        place.holder().wait(begin);
        place.holder().moved(begin + Duration::from_secs(10), bytes);
        held.push(place);
    }
    let slowest = held.pop().unwrap();
    let holder = slowest.holder().clone();
    let gives_way = async {
        holder.told().await;
        drop(slowest);
    };
    let (place, ()) = tokio::join!(places.enter(client(4), LONG), gives_way);
    assert!(place.is_some());
    let told: Vec<bool> = held.iter().map(|place| place.holder().is_told()).collect();
    assert_eq!(told, [false, false]);
    // The next waits for the next slowest, and none for the fast one.
    assert!(places.enter(client(5), 10 * SHORT).await.is_none());
    assert!(held[1].holder().is_told() && !held[0].holder().is_told());
}

#[tokio::test]
async fn one_that_has_all_it_may_have_gets_only_its_own_places_back() {
    let places = Places::new(4, 8);
    let begin = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
    let mut held = Vec::new();
    for number in [1, 1, 1, 2] {
        let place = places.enter(client(number), SHORT).await.unwrap();
        place.holder().wait(begin);
        place.holder().moved(begin + Duration::from_secs(10), if number == 1 { 1000 } else { 0 });
        held.push(place);
    }
    assert!(places.enter(client(1), SHORT).await.is_none());
    let told: Vec<bool> = held.iter().map(|place| place.holder().is_told()).collect();
    assert_eq!(told.iter().filter(|told| **told).count(), 1);
    assert!(!told[3], "the place of another client would not help");
}
