//! A monitor's process on a real Kafka and Redis: death by silence, stuck jobs, expiry, a lost Redis.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use support::{Picture, Rig, until};
use tessera::bus::records::Check;
use tessera::bus::{Consumer, ConsumerOptions, Group, Outgoing, Topic};
use tessera::heartbeat::Heartbeat;
use tessera::job::{Digest, EndMarker, JobId, JobStatus, Manifest, Token};
use tessera::state::{Holder, JobView, NameClaim, NameKind, Release};
use tessera::store::{Object, Store};
use tessera::time::now;

/// A monitor that is killed when it is dropped.
struct Monitor(Child);

impl Monitor {
    fn start(rig: &Rig, name: &str, more: &[(&str, &str)]) -> Self {
        let log =
            File::options().create(true).append(true).open(rig.folder.path().join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-monitor"));
        command
            .env("TESSERA_KAFKA_BROKERS", &rig.kafka.kafka_brokers)
            .env("TESSERA_TOPIC_PREFIX", &rig.kafka.topic_prefix)
            .env("TESSERA_RESULTS_PARTITIONS", rig.kafka.results_partitions.to_string())
            .env("TESSERA_REDIS_URL", &rig.redis.redis_url)
            .env("TESSERA_KEY_PREFIX", &rig.redis.key_prefix)
            .env("TESSERA_STORE", &rig.store.store)
            .env("TESSERA_SCRATCH_DIR", &rig.store.scratch_dir)
            .env("TESSERA_RUN_DIR", rig.folder.path().join("run"))
            .env("TESSERA_NAME", name)
            .env("TESSERA_SWEEP_MS", "50")
            .env("TESSERA_JANITOR_SECONDS", "1")
            .env("RUST_LOG", "debug,rdkafka=off,librdkafka=off")
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stderr(log);
        Self(command.spawn().expect("starting a monitor"))
    }

    fn terminate(mut self) -> ExitStatus {
        let asked = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn beat(rig: &Rig, worker: &str, status: &str) {
    beat_of(rig, worker, &Token::random(), |beat| beat.status = status.to_owned()).await;
}

async fn beat_of(rig: &Rig, worker: &str, incarnation: &Token, change: impl FnOnce(&mut Heartbeat)) {
    rig.send(beat_record(worker, incarnation, change)).await;
}

fn beat_record(worker: &str, incarnation: &Token, change: impl FnOnce(&mut Heartbeat)) -> Outgoing {
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

fn beat_of_bytes(worker: &str, headers: Vec<(&'static str, String)>, payload: Vec<u8>) -> Outgoing {
    let key = Some(worker.to_owned());
    Outgoing { topic: Topic::Heartbeats, key, partition: None, headers, payload: payload.into() }
}

async fn send_beat(rig: &Rig, worker: &str, headers: Vec<(&'static str, String)>, payload: Vec<u8>) {
    rig.send(beat_of_bytes(worker, headers, payload)).await;
}

async fn is_alive(rig: &Rig, worker: &str) -> Option<bool> {
    let workers = rig.state.workers().await.unwrap();
    workers.iter().find(|view| view.worker.as_str() == worker).map(|view| view.alive)
}

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

/// A job of which three tiles came, and that is not worked on.
async fn stuck_job(rig: &Rig) -> Manifest {
    let manifest = Picture::rgb(300, 260, 64, &["invert"]).manifest();
    let lease = Token::random();
    rig.state.accept(&manifest, support::LONG).await.unwrap();
    rig.state.queue(manifest.job).await.unwrap();
    rig.state.lease(manifest.job, &lease, "rig").await.unwrap();
    rig.mark(manifest.job, 0, &[0, 1, 2]).await;
    rig.state.release(manifest.job, &lease, Release::PassComplete).await.unwrap();
    manifest
}

async fn view(rig: &Rig, job: JobId) -> JobView {
    rig.state.job(job).await.unwrap().unwrap()
}

fn checks(rig: &Rig) -> Vec<Check> {
    rig.all(Topic::Results).iter().map(|record| Check::decode(&record.headers).unwrap()).collect()
}

/// Acknowledges every record of `results`, as a stitcher does that finds nothing.
fn play_stitcher(rig: &Rig) -> Consumer {
    let options = ConsumerOptions {
        group: Group::Stitchers,
        topic: Topic::Results,
        static_member: None,
        max_in_flight: 16,
        max_in_flight_bytes: 1 << 20,
        client_id: "rig".to_owned(),
    };
    let (consumer, mut deliveries) = Consumer::start(&rig.kafka, options).unwrap();
    let state = rig.state.clone();
    actix::spawn(async move {
        while let Some(delivery) = deliveries.recv().await {
            if let Ok(check) = Check::decode(&delivery.headers) {
                let _ = state.heard(check.job, check.stage).await;
            }
            delivery.ack.done();
        }
    });
    consumer
}

/// Reads every ready job to its end, as a splitter does whose tiles are all lost.
fn play_splitter(rig: &Rig) {
    let state = rig.state.clone();
    actix::spawn(async move {
        loop {
            for job in state.ready_jobs(10).await.unwrap_or_default() {
                let lease = Token::random();
                if state.lease(job, &lease, "rig").await.is_ok() {
                    let _ = state.release(job, &lease, Release::PassComplete).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
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
async fn a_stuck_job_is_checked_and_after_five_checks_fails_with_the_list_of_its_tiles() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    // The worker's one heartbeat lasts longer than five checks and the stitcher's joining take.
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "150"), ("TESSERA_WORKER_TTL_SECONDS", "120")]);
    let _stitcher = play_stitcher(&rig);
    play_splitter(&rig);
    beat(&rig, "w-1", "running").await;
    until("the job to fail", async || view(&rig, job).await.status == JobStatus::Failed).await;
    let reason = view(&rig, job).await.reason.unwrap();
    assert!(reason.contains("after 5 checks: 3-24 (22 of 25 in stage 0)"), "{reason}");
}

#[actix::test]
async fn a_stuck_job_that_is_not_asked_for_is_made_ready_and_waits_for_a_splitter() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    let more = [("TESSERA_STALL_MS", "50"), ("TESSERA_WORKER_TTL_SECONDS", "120")];
    let _monitor = Monitor::start(&rig, "one", &more);
    let _stitcher = play_stitcher(&rig);
    beat(&rig, "w-1", "running").await;
    until("it to be ready", async || rig.state.ready_jobs(10).await.unwrap() == [job]).await;
    let before = sweeps(&rig);
    // Were they counted, the checks would have given the job up by now.
    until("more sweeps", async || sweeps(&rig) > before + 60).await;
    assert_eq!(view(&rig, job).await.status, JobStatus::Processing);
    assert_eq!(rig.state.ready_jobs(10).await.unwrap(), [job]);
}

#[actix::test]
async fn a_lease_that_is_held_without_progress_does_not_hide_a_stuck_job() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    let lease = Token::random();
    rig.state.lease(job, &lease, "rig").await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "500")]);
    beat(&rig, "w-1", "running").await;
    until("a check", async || {
        rig.state.renew(&[(job, lease.clone())]).await.unwrap();
        !checks(&rig).is_empty()
    })
    .await;
}

#[actix::test]
async fn a_check_that_was_lost_is_sent_again() {
    let rig = Rig::new().await;
    stuck_job(&rig).await;
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "200"), ("TESSERA_WORKER_TTL_SECONDS", "120")]);
    beat(&rig, "w-1", "running").await;
    until("a check", async || !checks(&rig).is_empty()).await;
    rig.lose(Topic::Results).await;
    until("another", async || !checks(&rig).is_empty()).await;
}

#[actix::test]
async fn a_job_that_was_left_accepting_is_queued_if_it_is_whole() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let manifests: Vec<Manifest> = (0..2).map(|_| Picture::rgb(100, 100, 64, &["invert"]).manifest()).collect();
    for manifest in &manifests {
        store.put_manifest(manifest).await.unwrap();
        rig.state.accept(manifest, support::LONG).await.unwrap();
        let key = format!("{}job:{{{}}}", rig.redis.key_prefix, manifest.job);
        // Left so half a minute ago, by the clock of Redis.
        let _: i64 = redis::cmd("HSET").arg(key).arg("progress_ms").arg(1).query(&mut connection(&rig)).unwrap();
    }
    store.put(&tessera::store::Object::Original(manifests[0].job), vec![1].into()).await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[]);
    beat(&rig, "w-1", "running").await;
    until("the whole one to be queued", async || rig.state.ready_jobs(10).await.unwrap() == [manifests[0].job]).await;
    assert_eq!(view(&rig, manifests[1].job).await.status, JobStatus::Accepting);
}

#[actix::test]
async fn without_a_stitcher_or_a_worker_a_job_waits() {
    let rig = Rig::new().await;
    let job = stuck_job(&rig).await.job;
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_STALL_MS", "20")]);
    until("the monitor to sweep", async || rig.folder.path().join("one.log").exists() && sweeps(&rig) > 5).await;
    assert!(checks(&rig).is_empty(), "there is no worker");
    beat(&rig, "w-1", "running").await;
    until("a check", async || !checks(&rig).is_empty()).await;
    let before = sweeps(&rig);
    // Read, these would be more than it takes to give a job up.
    until("more sweeps", async || sweeps(&rig) > before + 60).await;
    assert_eq!(view(&rig, job).await.status, JobStatus::Processing);
}

/// Sweeps that the monitor has made, by its log.
fn sweeps(rig: &Rig) -> usize {
    std::fs::read_to_string(rig.folder.path().join("one.log")).unwrap_or_default().matches("swept").count()
}

#[actix::test]
async fn an_overdue_job_fails() {
    let rig = Rig::new().await;
    let manifest = Picture::rgb(100, 100, 64, &["invert"]).manifest();
    rig.state.accept(&manifest, support::LONG).await.unwrap();
    rig.state.queue(manifest.job).await.unwrap();
    rig.state.lease(manifest.job, &Token::random(), "rig").await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[("TESSERA_JOB_DEADLINE_SECONDS", "1")]);
    until("the job to fail", async || view(&rig, manifest.job).await.status == JobStatus::Failed).await;
    let reason = view(&rig, manifest.job).await.reason.unwrap();
    assert!(reason.contains("job_deadline"), "{reason}");
    let store = Store::open(&rig.store).unwrap();
    until("the end marker", async || store.end(manifest.job).await.unwrap().is_some()).await;
}

#[actix::test]
async fn a_redis_that_lost_all_is_rebuilt_from_the_store() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let _monitor = Monitor::start(&rig, "one", &[]);
    let manifests: Vec<Manifest> = (0..3).map(|_| Picture::rgb(100, 100, 64, &["invert"]).manifest()).collect();
    for manifest in &manifests {
        store.put_manifest(manifest).await.unwrap();
        rig.state.accept(manifest, support::LONG).await.unwrap();
        rig.state.queue(manifest.job).await.unwrap();
    }
    let ended = EndMarker {
        job: manifests[0].job,
        run: 1,
        status: JobStatus::Failed,
        reason: Some("for a test".to_owned()),
        final_filename: None,
        bytes_out: 0,
        digest: None,
        notices: Vec::new(),
        finished_at: now(),
    };
    store.put_end(&ended).await.unwrap();
    forget_all(&rig);
    until("redis to be alive again", async || rig.state.ping().await.is_ok()).await;
    assert_eq!(view(&rig, manifests[0].job).await.reason.as_deref(), Some("for a test"));
    for manifest in &manifests[1..] {
        assert_eq!(view(&rig, manifest.job).await.status, JobStatus::Queued);
    }
    assert_eq!(rig.state.ready_jobs(10).await.unwrap().len(), 2);
}

fn connection(rig: &Rig) -> redis::Connection {
    redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap()
}

fn forget_all(rig: &Rig) {
    let mut redis = connection(rig);
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{}*", rig.redis.key_prefix)).query(&mut redis).unwrap();
    let _: i64 = redis::cmd("DEL").arg(keys).query(&mut redis).unwrap();
}

#[actix::test]
async fn results_expire_and_jobs_that_only_the_store_knows_are_queued() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let (old, young) =
        (Picture::rgb(100, 100, 64, &["invert"]).manifest(), Picture::rgb(100, 100, 64, &["invert"]).manifest());
    for manifest in [&old, &young] {
        store.put_manifest(manifest).await.unwrap();
        rig.state.accept(manifest, support::LONG).await.unwrap();
        rig.state.queue(manifest.job).await.unwrap();
        rig.state.cancel(manifest.job, Duration::from_secs(3600)).await.unwrap();
    }
    let key = format!("{}job:{{{}}}", rig.redis.key_prefix, old.job);
    let mut redis = connection(&rig);
    let _: i64 = redis::cmd("HSET").arg(key).arg("finished_ms").arg(1).query(&mut redis).unwrap();
    let mut orphan = Picture::rgb(100, 100, 64, &["invert"]).manifest();
    orphan.created_at = "2020-01-01T00:00:00.000Z".to_owned();
    store.put_manifest(&orphan).await.unwrap();
    let _monitor = Monitor::start(&rig, "one", &[]);
    until("the old one to expire", async || view(&rig, old.job).await.status == JobStatus::Expired).await;
    until("its files to go", async || !store.jobs().await.unwrap().contains(&old.job)).await;
    until("the orphan to be queued", async || rig.state.ready_jobs(10).await.unwrap() == [orphan.job]).await;
    until("the end marker of the other", async || store.end(young.job).await.unwrap().is_some()).await;
    assert_eq!(view(&rig, young.job).await.status, JobStatus::Cancelled);
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

#[actix::test]
async fn the_scrub_finds_a_damaged_result_that_nobody_asks_for() {
    let rig = Rig::new().await;
    let store = Store::open(&rig.store).unwrap();
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let (png, mut manifest) = (picture.png(), picture.manifest());
    (manifest.bytes_in, manifest.digest) = (png.len() as u64, Some(Digest::of(&png)));
    let job = manifest.job;
    store.put(&Object::Original(job), png.into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    let object = Object::Result { job, token: Token::random(), ext: "png".to_owned() };
    store.put(&object, bytes::Bytes::from_static(b"a resulT")).await.unwrap();
    let end = EndMarker {
        job,
        run: 1,
        status: JobStatus::Done,
        reason: None,
        final_filename: Some(object.to_string()),
        bytes_out: 8,
        digest: Some(Digest::of(b"a result")),
        notices: Vec::new(),
        finished_at: now(),
    };
    store.put_end(&end).await.unwrap();
    // The monitor brings the job back from the store, as done.
    forget_all(&rig);
    let _monitor = Monitor::start(&rig, "one", &[]);
    let run = async || rig.state.job(job).await.ok().flatten().map(|view| view.run);
    until("the job to be queued again", async || run().await == Some(2)).await;
    assert_eq!(view(&rig, job).await.status, JobStatus::Queued);
}
