//! Heartbeats, lives and deaths, counters and numbers.

use super::*;
use crate::heartbeat::{FinishedTile, Heartbeat, TileOutcome};
use crate::job::WorkerId;
use crate::store::StoreId;

fn beat(worker: &str, incarnation: &Token, tiles_done: u64) -> Heartbeat {
    Heartbeat {
        worker: worker.parse().unwrap(),
        incarnation: incarnation.clone(),
        status: "running".to_owned(),
        host: "host".to_owned(),
        pid: 7,
        version: "0.1.0".to_owned(),
        slots: 2,
        busy: 1,
        tiles_done,
        tiles_failed: 1,
        mean_ms: 12.5,
        stuck_ms: None,
        current: Vec::new(),
        finished: Vec::new(),
        started_at: now(),
        health_addr: "127.0.0.1:1".to_owned(),
        store: None,
    }
}

const TTL: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_heartbeat_keeps_a_worker_alive_for_its_time() {
    let scene = Scene::new().await;
    let (one, two) = (Token::random(), Token::random());
    scene.state.beat(&beat("host-1", &one, 3), TTL).await.unwrap();
    scene.state.beat(&beat("host-2", &two, 4), TTL).await.unwrap();
    let ttl = scene.ttl("worker:host-1");
    assert!((14..=15).contains(&ttl), "{ttl}");
    assert_eq!(scene.state.live_incarnations().await.unwrap(), [one.clone(), two].into());
    assert_eq!(scene.state.live_slots().await.unwrap(), 4);
    let hash: HashMap<String, String> = scene.redis(&["HGETALL", &scene.key("worker:host-1")]);
    for name in ["status", "host", "pid", "version", "incarnation", "slots", "busy", "mean_ms", "current", "started_at"]
    {
        assert!(hash.contains_key(name), "{name}");
    }
    assert!(millis(&hash["last_heartbeat"]).unwrap() > 0);

    scene.state.worker_left(&"host-2".parse().unwrap()).await.unwrap();
    let views = scene.state.workers().await.unwrap();
    let lives: Vec<_> = views.iter().map(|view| (view.worker.as_str(), view.alive, view.status.as_str())).collect();
    assert_eq!(lives, [("host-1", true, "running"), ("host-2", false, "dead")]);
    assert_eq!(views[1].tiles_done, 4, "the dead are still shown with their counters");
    assert_eq!(scene.state.live_incarnations().await.unwrap(), [one].into());
    assert_eq!(scene.state.live_slots().await.unwrap(), 2);
}

#[tokio::test]
async fn a_silent_worker_dies_by_itself() {
    let scene = Scene::new().await;
    scene.state.beat(&beat("host-1", &Token::random(), 3), Duration::from_secs(1)).await.unwrap();
    let dead = async {
        while scene.state.live_slots().await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), dead).await.expect("it dies after a second");
    assert!(!scene.state.workers().await.unwrap()[0].alive);
}

#[tokio::test]
async fn a_draining_worker_has_no_slots() {
    let scene = Scene::new().await;
    let token = Token::random();
    let draining = Heartbeat { status: "draining".to_owned(), ..beat("host-1", &token, 0) };
    scene.state.beat(&draining, TTL).await.unwrap();
    assert_eq!(scene.state.live_slots().await.unwrap(), 0);
    assert_eq!(scene.state.live_incarnations().await.unwrap(), [token].into());
}

#[tokio::test]
async fn counters_survive_restarts() {
    let scene = Scene::new().await;
    let worker: WorkerId = "host-1".parse().unwrap();
    assert_eq!(scene.state.worker_totals(&worker).await.unwrap(), WorkerTotals::default());
    let (first, second) = (Token::random(), Token::random());
    for (incarnation, done) in [(&first, 5), (&first, 9), (&second, 0), (&second, 2)] {
        scene.state.beat(&beat("host-1", incarnation, done), TTL).await.unwrap();
    }
    let counters = scene.state.worker_totals(&worker).await.unwrap();
    assert_eq!(counters, WorkerTotals { tiles_done: 11, tiles_failed: 2 });
    let hash: HashMap<String, String> = scene.redis(&["HGETALL", &scene.key("worker:host-1")]);
    assert_eq!(hash["tiles_done"], "11");
    assert_eq!(scene.state.workers().await.unwrap()[0].tiles_done, 11);
}

fn finished(number: u64) -> FinishedTile {
    let (index, operations) = (u32::try_from(number).unwrap(), "invert".to_owned());
    let outcome = if number == 3 { TileOutcome::Failed } else { TileOutcome::Done };
    FinishedTile { number, job: JobId::random(), stage: 0, index, operations, ms: 1.5, outcome, ago_ms: 1000 }
}

#[tokio::test]
async fn the_history_has_each_tile_once_and_is_bounded() {
    let scene = Scene::new().await;
    let (worker, first, second): (WorkerId, _, _) = ("host-1".parse().unwrap(), Token::random(), Token::random());
    let tell = async |incarnation: &Token, numbers: std::ops::RangeInclusive<u64>| {
        let beat = Heartbeat { finished: numbers.map(finished).collect(), ..beat("host-1", incarnation, 0) };
        scene.state.beat(&beat, TTL).await.unwrap();
        let history = scene.state.worker_history(&worker).await.unwrap();
        history.into_iter().map(|tile| (tile.index, tile.outcome)).collect::<Vec<_>>()
    };
    use TileOutcome::{Done, Failed};
    assert_eq!(tell(&first, 1..=2).await, [(2, Done), (1, Done)]);
    assert_eq!(tell(&first, 1..=3).await, [(3, Failed), (2, Done), (1, Done)], "a repeat adds what is new");
    assert_eq!(tell(&second, 1..=1).await.len(), 4, "it survives a restart, whose numbers start over");
    assert_eq!(tell(&second, 2..=120).await.len(), 100);
    let history = scene.state.worker_history(&worker).await.unwrap();
    assert_eq!(history[0].index, 120);
    assert!((500..5000).contains(&between(&history[0].at, &now()).unwrap()), "{}", history[0].at);
}

#[tokio::test]
async fn a_worker_keeps_its_number() {
    let scene = Scene::new().await;
    let (one, two): (WorkerId, WorkerId) = ("a".parse().unwrap(), "b".parse().unwrap());
    assert_eq!(scene.state.worker_number(&one).await.unwrap(), 1);
    assert_eq!(scene.state.worker_number(&two).await.unwrap(), 2);
    assert_eq!(scene.state.worker_number(&one).await.unwrap(), 1);
    assert_eq!(scene.state.worker_names().await.unwrap(), [(1, one), (2, two)].into());
}

#[tokio::test]
async fn keys_of_another_kind_hide_no_worker() {
    let scene = Scene::new().await;
    let token = Token::random();
    scene.state.beat(&beat("host-1", &token, 3), TTL).await.unwrap();
    for name in ["worker:host-2", "worker:host-2:totals", "worker:host-2:history", "workers", "workers:numbers"] {
        let key = scene.key(name);
        scene.redis::<u32>(&["DEL", &key]);
        scene.redis::<()>(&["SET", &key, "rubbish"]);
        scene.state.workers().await.unwrap();
        scene.state.beat(&beat("host-1", &token, 3), TTL).await.unwrap();
        scene.state.beat(&beat("host-2", &token, 3), TTL).await.unwrap();
        assert_eq!(scene.state.live_slots().await.unwrap(), 4, "{name}");
        scene.state.worker_number(&"host-2".parse().unwrap()).await.unwrap();
    }
}

async fn known(scene: &Scene, worker: &str) -> Heartbeat {
    let incarnation = Token::random();
    let holder = Holder { incarnation: incarnation.clone(), host: "host".into(), pid: 7, mark: "x/y/1".into() };
    let claim = scene.state.claim_name(NameKind::Worker, worker, &holder, HOUR, None).await.unwrap();
    assert_eq!(claim, NameClaim::Held);
    beat(worker, &incarnation, 0)
}

#[tokio::test]
async fn invented_workers_are_few_and_never_push_out_or_shut_out_those_that_took_a_name() {
    let scene = Scene::new().await;
    let early = known(&scene, "early").await;
    assert_eq!(scene.state.beat(&early, TTL).await.unwrap(), Heard::Noted);
    let invented: Vec<Heartbeat> = (0..5000).map(|n| beat(&format!("invented-{n}"), &Token::random(), 9)).collect();
    let heard = scene.state.beats(&invented, TTL).await.unwrap();
    let noted = heard.iter().filter(|heard| **heard == Heard::Noted).count();
    assert_eq!((noted, heard.len()), (256, 5000));
    assert_eq!(scene.state.beats(&invented[..3], TTL).await.unwrap(), [Heard::Noted; 3], "they keep their places");
    let late = known(&scene, "late").await;
    assert_eq!(scene.state.beats(&[late, early.clone()], TTL).await.unwrap(), [Heard::Noted; 2]);
    let alive: Vec<String> =
        scene.state.workers().await.unwrap().iter().filter(|w| w.alive).map(|w| w.worker.to_string()).collect();
    assert!(alive.len() == 258 && ["early", "late"].iter().all(|name| alive.contains(&(*name).to_owned())));
    let keys: Vec<String> = scene.redis(&["KEYS", &scene.key("worker:invented-*:totals")]);
    assert_eq!(keys.len(), 256, "nothing is kept of the others");
    assert!((3590..=3600).contains(&scene.ttl("worker:invented-0:totals")));

    let other = beat("early", &Token::random(), 4_000);
    assert_eq!(scene.state.beat(&other, TTL).await.unwrap(), Heard::Other, "a name that another start has");
    assert_eq!(
        scene.state.worker(&"early".parse().unwrap()).await.unwrap().unwrap().incarnation,
        Some(early.incarnation)
    );
}

#[tokio::test]
async fn no_worker_is_believed_to_have_done_more_than_any_can() {
    let scene = Scene::new().await;
    let (worker, token): (WorkerId, _) = ("host-1".parse().unwrap(), Token::random());
    let most = Heartbeat { tiles_failed: 1 << 53, ..beat("host-1", &token, 1 << 53) };
    scene.state.beat(&most, TTL).await.unwrap();
    let counters = scene.state.worker_totals(&worker).await.unwrap();
    assert_eq!(counters, WorkerTotals { tiles_done: 1000, tiles_failed: 1000 });
    scene.state.beat(&most, TTL).await.unwrap();
    let counters = scene.state.worker_totals(&worker).await.unwrap();
    assert!(counters.tiles_done < 2_000_000, "{counters:?}");
    scene.state.beat(&beat("host-1", &token, 1200), TTL).await.unwrap();
    assert_eq!(scene.state.worker_totals(&worker).await.unwrap().tiles_done, 1200, "the truth is believed");
}

#[tokio::test]
async fn a_name_is_one_process_s_until_it_gives_it_up_or_falls_silent() {
    let scene = Scene::new().await;
    let holder = |pid| Holder { incarnation: Token::random(), host: "host".into(), pid, mark: "x/y/1".into() };
    let (one, two) = (holder(1), holder(2));
    let claim = async |holder: &Holder, ms: u64, dead: Option<&Holder>| {
        let time = Duration::from_millis(ms);
        scene.state.claim_name(NameKind::Stitcher, "s", holder, time, dead).await.unwrap()
    };
    assert_eq!(claim(&one, 60_000, None).await, NameClaim::Held);
    assert_eq!(claim(&one, 60_000, None).await, NameClaim::Held);
    assert_eq!(claim(&two, 60_000, None).await, NameClaim::Taken(one.clone()));
    assert_eq!(claim(&two, 60_000, Some(&holder(1))).await, NameClaim::Taken(one.clone()), "another had died");
    scene.state.release_name(NameKind::Stitcher, "s", &two).await.unwrap();
    assert_eq!(claim(&two, 60_000, None).await, NameClaim::Taken(one.clone()), "it was not its to give up");
    assert_eq!(claim(&two, 60_000, Some(&one)).await, NameClaim::Held);
    scene.state.release_name(NameKind::Stitcher, "s", &two).await.unwrap();
    assert_eq!(claim(&one, 100, None).await, NameClaim::Held);
    let silent = async { while claim(&two, 60_000, None).await != NameClaim::Held {} };
    tokio::time::timeout(Duration::from_secs(10), silent).await.expect("its time is over");
}

#[tokio::test]
async fn a_crew_shares_a_store_while_every_worker_that_takes_tiles_says_that_it_reaches_it() {
    let scene = Scene::new().await;
    let (state, store, ttl) = (&scene.state, StoreId::random(), Duration::from_secs(15));
    assert!(!state.crew(Some(store)).await.unwrap().all_share(), "there is no worker");
    let of = |worker: &str, store| Heartbeat { store, ..beat(worker, &Token::random(), 0) };
    state.beat(&of("host-1", Some(store)), ttl).await.unwrap();
    assert!(state.crew(Some(store)).await.unwrap().all_share());
    assert!(!state.crew(Some(StoreId::random())).await.unwrap().all_share());
    assert!(!state.crew(None).await.unwrap().all_share());
    let without = of("host-2", None);
    state.beat(&without, ttl).await.unwrap();
    let crew = state.crew(Some(store)).await.unwrap();
    assert_eq!((crew.workers, crew.sharing, crew.all_share()), (2, 1, false));
    state.beat(&Heartbeat { status: "draining".to_owned(), ..without }, ttl).await.unwrap();
    assert!(state.crew(Some(store)).await.unwrap().all_share(), "who drains takes no tiles");
    let views = state.workers().await.unwrap();
    assert_eq!(views.iter().map(|view| view.store).collect::<Vec<_>>(), [Some(store), None]);
}
