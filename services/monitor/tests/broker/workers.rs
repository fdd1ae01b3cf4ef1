//! Who lives: death by silence, invented workers, and a second monitor.

use std::time::{Duration, Instant};

use tessera::bus::Group;
use tessera::heartbeat::Heartbeat;
use tessera::job::Token;
use tessera::state::{Holder, NameClaim, NameKind};

use crate::heartbeats::{beat, beat_of, beat_record, is_alive, send_beat};
use crate::process::Monitor;
use crate::support::{self, Rig, until};

#[actix::test]
async fn ten_thousand_invented_workers_neither_hide_nor_shut_out_a_real_one() {
    let rig = Rig::new().await;
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_WORKER_TTL_SECONDS", "60")]);
    let holder = |incarnation| Holder { incarnation, host: "rig".into(), pid: 1, mark: "a/b/1".into() };
    let take = async |name: &str, incarnation: &Token| {
        let claim =
            rig.state.claim_name(NameKind::Worker, name, &holder(incarnation.clone()), support::LONG, None).await;
        assert_eq!(claim.unwrap(), NameClaim::Held);
    };
    let (early, late) = (Token::random(), Token::random());
    take("early", &early).await;
    beat_of(&rig, "early", &early, |_| ()).await;
    let invented = (0..10_100).map(|n| format!("invented-{n}"));
    let sends = invented.map(|name| (name, Token::random())).collect::<Vec<_>>();
    for some in sends.chunks(500) {
        let implausible = |beat: &mut Heartbeat| (beat.slots, beat.tiles_done) = (u32::MAX, 1 << 63);
        let records = some
            .iter()
            .flat_map(|(name, token)| [beat_record(name, token, implausible), beat_record(name, token, |_| ())]);
        let sends: Vec<_> = records
            .map(|record| {
                let producer = rig.producer.clone();
                actix::spawn(async move { producer.send(record).await })
            })
            .collect();
        for send in sends {
            send.await.unwrap().unwrap();
        }
    }
    // In the same batch as the true one, under its name.
    beat_of(&rig, "early", &Token::random(), |beat| beat.status = "draining".to_owned()).await;
    take("late", &late).await;
    beat_of(&rig, "late", &late, |_| ()).await;
    until("the real worker that came last", async || is_alive(&rig, "late").await == Some(true)).await;
    let workers = rig.state.workers().await.unwrap();
    assert_eq!(workers.len(), 258);
    let early_view = workers.iter().find(|view| view.worker.as_str() == "early").unwrap();
    assert_eq!((early_view.alive, early_view.status.as_str()), (true, "running"));
    assert_eq!(early_view.incarnation, Some(early));
    assert_eq!(workers.iter().map(|view| view.tiles_done).sum::<u64>(), 3 * 258);
    assert_eq!(rig.state.live_slots().await.unwrap(), 2 * 258);
}

#[actix::test]
async fn a_silent_worker_is_dead_within_its_ttl_and_a_second() {
    let rig = Rig::new().await;
    let monitor = Monitor::start(&rig, "one", &[("TESSERA_WORKER_TTL_SECONDS", "2")]);
    send_beat(&rig, "rubbish", Vec::new(), b"rubbish".to_vec()).await;
    send_beat(&rig, "rubbish", vec![("schema", "heartbeat/1.0".to_owned())], b"{}".to_vec()).await;
    beat(&rig, "w-1", "running").await;
    beat(&rig, "w-2", "running").await;
    until("the workers to be seen", async || is_alive(&rig, "w-1").await == Some(true)).await;
    until("the workers to be seen", async || is_alive(&rig, "w-2").await == Some(true)).await;
    beat(&rig, "w-1", "running").await;
    let last = Instant::now();
    until("the silent worker to be dead", async || is_alive(&rig, "w-2").await == Some(false)).await;
    until("the other to be dead", async || is_alive(&rig, "w-1").await == Some(false)).await;
    assert!(last.elapsed() < Duration::from_secs(3), "{:?}", last.elapsed());
    until("it to be told", async || {
        rig.state.activities(100).await.unwrap().iter().any(|line| line.text.contains("worker w-1 is dead"))
    })
    .await;
    rig.caught_up(Group::Monitor).await;
    assert!(monitor.terminate().success());
}

#[actix::test]
async fn when_the_active_monitor_dies_another_goes_on() {
    let rig = Rig::new().await;
    let first = Monitor::start(&rig, "one", &[]);
    beat(&rig, "w-1", "running").await;
    until("the worker to be seen", async || is_alive(&rig, "w-1").await == Some(true)).await;
    let _second = Monitor::start(&rig, "two", &[]);
    drop(first);
    beat(&rig, "w-2", "running").await;
    until("the other monitor to hear", async || is_alive(&rig, "w-2").await == Some(true)).await;
}
