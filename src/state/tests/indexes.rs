//! Counts by status are those of the hashes, at every moment and whatever ends in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::job::Priority;

/// Compares hashes and indexes of all jobs in one step, so that what it finds was so at one moment. Answers the job
/// and what is wrong.
const COMPARE: &str = "
local prefix, wrong = ARGV[1], {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local status = redis.call('HGET', prefix .. 'job:{' .. id .. '}', 'status')
  for _, name in ipairs({ 'queued', 'processing', 'finishing', 'done', 'failed', 'cancelled', 'expired' }) do
    local is_in = redis.call('ZSCORE', prefix .. 'jobs:status:' .. name, id)
    if (is_in and true or false) ~= (name == status) then
      wrong[#wrong + 1] = id .. ' is ' .. tostring(status) .. ', index ' .. name .. ' says ' .. tostring(is_in)
    end
  end
  local is_listed = redis.call('ZSCORE', prefix .. 'jobs', id)
  if (is_listed and true or false) ~= (status and status ~= 'accepting' or false) then
    wrong[#wrong + 1] = id .. ' is ' .. tostring(status) .. ', listed: ' .. tostring(is_listed)
  end
  local is_ready = redis.call('ZSCORE', prefix .. 'jobs:ready', id)
  if status == 'queued' and not is_ready then wrong[#wrong + 1] = id .. ' is queued and not ready' end
end
return wrong";

fn wrong(scene: &Scene, jobs: &[JobId]) -> Vec<String> {
    let mut command = redis::cmd("EVAL");
    command.arg(COMPARE).arg(0).arg(&scene.args.key_prefix);
    for job in jobs {
        command.arg(job.to_string());
    }
    command.query(&mut scene.client.get_connection().unwrap()).unwrap()
}

/// Random numbers by xorshift: which step is next, and how much of it is made.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// One process that moves jobs as services do; half of its calls end before their answer comes, as in a crash.
async fn drive(state: State, manifests: Arc<Vec<Manifest>>, seed: u64) {
    let mut chance = Chance(seed | 1);
    for _ in 0..250 {
        let manifest = &manifests[chance.below(manifests.len() as u64) as usize];
        let job = manifest.job;
        let step = chance.below(12);
        let (token, spool) = (Token::random(), Token::random());
        let call = async {
            match step {
                0 => drop(state.accept(manifest, HOUR).await),
                1 | 2 => drop(state.queue(job).await),
                3 => drop(state.lease(job, &token, "s").await),
                4 => drop(state.make_ready(job).await),
                5 => drop(state.cancel(job, HOUR).await),
                6 => drop(state.retry(job, manifest.run + 1).await),
                7 => drop(state.expire(job).await),
                8 => drop(state.withdraw(job).await),
                9 => drop(state.fail(job, "a test", HOUR).await),
                _ => {
                    let _ = state.claim(job, 0, &spool, &token, "stitcher-1").await;
                    let marks: Vec<Mark> = (0..12).map(|index| mark(job, 0, &token, index)).collect();
                    let _ = state.mark(&marks).await;
                    let _ = state.finishing(job, &token).await;
                    match step {
                        10 => drop(state.done(job, &token, &end(job), HOUR).await),
                        _ => drop(state.unmark(job, 0, &token, 3).await),
                    }
                }
            }
        };
        if chance.below(2) == 0 {
            call.await;
        } else {
            let _ = tokio::time::timeout(Duration::from_micros(chance.below(1500)), call).await;
        }
    }
}

#[tokio::test]
async fn counts_agree_with_the_hashes_at_every_moment_whatever_ends_in_between() {
    let scene = Scene::new().await;
    let manifests: Arc<Vec<Manifest>> = Arc::new((0..6).map(|_| manifest(1)).collect());
    let jobs: Vec<JobId> = manifests.iter().map(|manifest| manifest.job).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let repairs = tokio::spawn({
        let (state, is_over) = (scene.state.clone(), is_over.clone());
        async move {
            while !is_over.load(Ordering::Relaxed) {
                state.repair_indexes().await.unwrap();
            }
        }
    });
    let mut drivers = tokio::task::JoinSet::new();
    for seed in 1..=4_u64 {
        drivers.spawn(drive(scene.state.clone(), manifests.clone(), seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    }
    while !drivers.is_empty() {
        let found = wrong(&scene, &jobs);
        assert!(found.is_empty(), "{found:#?}");
        tokio::select! {
            ended = drivers.join_next() => ended.unwrap().unwrap(),
            () = tokio::task::yield_now() => {}
        }
    }
    is_over.store(true, Ordering::Relaxed);
    repairs.await.unwrap();
    assert!(wrong(&scene, &jobs).is_empty());
}

#[tokio::test]
async fn the_queue_has_the_same_order_for_scripts_and_rust() {
    let scene = Scene::new().await;
    let times =
        ["1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "2026-11-27T20:26:43.001Z", "2100-03-01T00:00:00.5Z"];
    for (time, priority) in times.iter().zip([Priority::Low, Priority::Normal, Priority::High, Priority::Normal]) {
        let of = Manifest { created_at: (*time).to_owned(), priority, ..manifest(1) };
        scene.queue(&of).await;
        let score: f64 = scene.redis(&["ZSCORE", &scene.key("jobs:ready"), &of.job.to_string()]);
        assert_eq!(score as i64, ready_score(priority, crate::time::millis(time).unwrap()), "{time}");
    }
}

/// What the scripts enter a job with among the ready ones.
fn ready_score(priority: Priority, created_ms: i64) -> i64 {
    let rank = match priority {
        Priority::Low => 1,
        Priority::Normal => 2,
        Priority::High => 3,
    };
    rank * 10_000_000_000_000 - created_ms.clamp(0, 9_999_999_999_999)
}

#[test]
fn priority_comes_before_age() {
    let now = 1_800_000_000_000;
    assert!(ready_score(Priority::High, now) > ready_score(Priority::Normal, 0));
    assert!(ready_score(Priority::Normal, now) > ready_score(Priority::Low, 0));
    assert!(ready_score(Priority::Normal, now) > ready_score(Priority::Normal, now + 1));
}
