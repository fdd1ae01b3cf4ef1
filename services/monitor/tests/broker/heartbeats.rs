//! Heartbeats as workers send them, and what the monitor makes of them in Redis.

use tessera::bus::{Outgoing, Topic};
use tessera::heartbeat::Heartbeat;
use tessera::job::Token;

use crate::support::Rig;

pub async fn beat(rig: &Rig, worker: &str, status: &str) {
    beat_of(rig, worker, &Token::random(), |beat| beat.status = status.to_owned()).await;
}

pub async fn beat_of(rig: &Rig, worker: &str, incarnation: &Token, change: impl FnOnce(&mut Heartbeat)) {
    rig.send(beat_record(worker, incarnation, change)).await;
}

pub fn beat_record(worker: &str, incarnation: &Token, change: impl FnOnce(&mut Heartbeat)) -> Outgoing {
    let mut beat = Heartbeat {
        worker: worker.parse().unwrap(),
        incarnation: incarnation.clone(),
        status: "running".to_owned(),
        host: "rig".to_owned(),
        pid: 1,
        version: "1".to_owned(),
        slots: 2,
        busy: 0,
        tiles_done: 3,
        tiles_failed: 0,
        mean_ms: 1.5,
        stuck_ms: None,
        current: Vec::new(),
        finished: Vec::new(),
        started_at: "2999-01-01T00:00:00Z".to_owned(),
        health_addr: String::new(),
        store: None,
    };
    change(&mut beat);
    let (headers, payload) = beat.encode();
    beat_of_bytes(worker, headers, payload)
}

pub fn beat_of_bytes(worker: &str, headers: Vec<(&'static str, String)>, payload: Vec<u8>) -> Outgoing {
    let key = Some(worker.to_owned());
    Outgoing { topic: Topic::Heartbeats, key, partition: None, headers, payload: payload.into() }
}

pub async fn send_beat(rig: &Rig, worker: &str, headers: Vec<(&'static str, String)>, payload: Vec<u8>) {
    rig.send(beat_of_bytes(worker, headers, payload)).await;
}

pub async fn is_alive(rig: &Rig, worker: &str) -> Option<bool> {
    let workers = rig.state.workers().await.unwrap();
    workers.iter().find(|view| view.worker.as_str() == worker).map(|view| view.alive)
}
