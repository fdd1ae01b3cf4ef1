//! A monitor's process on a real Kafka and Redis: death by silence, stuck jobs, expiry, a lost Redis.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod heartbeats;
mod process;
mod stalls;
#[path = "../../../worker/tests/support/mod.rs"]
mod support;
mod upkeep;
mod workers;

use support::Rig;
use tessera::job::JobId;
use tessera::state::JobView;

async fn view(rig: &Rig, job: JobId) -> JobView {
    rig.state.job(job).await.unwrap().unwrap()
}

fn connection(rig: &Rig) -> redis::Connection {
    redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap()
}

fn forget_all(rig: &Rig) {
    let mut redis = connection(rig);
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{}*", rig.redis.key_prefix)).query(&mut redis).unwrap();
    let _: i64 = redis::cmd("DEL").arg(keys).query(&mut redis).unwrap();
}
