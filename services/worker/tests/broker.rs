//! A worker's process on a real Kafka and Redis: results, duplicates, rubbish, poison, death and drain.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]
#![cfg(feature = "broker-tests")]

mod support;

use std::process::{Child, Command, ExitStatus, Stdio};

use bytes::Bytes;
use support::{Picture, Rig, tiles, until};
use tessera::bus::records::TaskHeader;
use tessera::bus::{Group, Outgoing, Topic};
use tessera::heartbeat::Heartbeat;
use tessera::job::{JobId, JobStatus, Manifest, Token};
use tessera::operation::Chain;
use tessera::state::Take;

/// A worker that is killed when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(rig: &Rig, id: &str, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-worker"));
        command
            .env("TESSERA_KAFKA_BROKERS", &rig.kafka.kafka_brokers)
            .env("TESSERA_TOPIC_PREFIX", &rig.kafka.topic_prefix)
            .env("TESSERA_TASKS_PARTITIONS", rig.kafka.tasks_partitions.to_string())
            .env("TESSERA_REDIS_URL", &rig.redis.redis_url)
            .env("TESSERA_KEY_PREFIX", &rig.redis.key_prefix)
            .env("TESSERA_RUN_DIR", rig.folder.path().join("run"))
            .env("TESSERA_NAME", id)
            .env("WORKER_ID", id)
            .env("TESSERA_LOG_FORMAT", "json")
            .envs(more.iter().copied())
            .stdin(Stdio::null());
        Self(command.spawn().expect("starting a worker"))
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn terminate(&mut self) -> ExitStatus {
        let asked = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.0.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix::test]
async fn tiles_come_out_as_their_chain_makes_them_also_twice() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(700, 600, 256, &["gaussian_blur:ksize=9", "grayscale", "invert"]);
    let manifest = rig.processing(&picture).await;
    let total = manifest.plan.stages[0].grid().tiles();
    let _worker = Worker::start(&rig, "one", &[]);
    for index in (0..total).chain(0..total) {
        rig.send(picture.record(&manifest, index, &rig.kafka)).await;
    }
    let results = tiles(&rig.records(Topic::Results, total as usize * 2));
    assert_eq!(results.len(), total as usize);
    for (index, made) in &results {
        let expected = picture.expected(&manifest, *index);
        assert_eq!(made.len(), 2, "tile {index}");
        for (header, pixels) in made {
            assert_eq!(pixels, &expected, "tile {index}");
            assert_eq!((header.worker.as_str(), header.plan), ("one", manifest.plan.hash()));
        }
    }
    rig.caught_up(Group::Workers).await;
    for index in 0..total {
        let tries = rig.state.take(manifest.job, 0, index, &Token::random()).await.unwrap();
        assert_eq!(tries, Take::Run { others: Vec::new() }, "tile {index} was not given back");
    }
}

#[actix::test]
async fn a_tile_that_is_in_the_spool_or_of_an_ended_job_is_not_run() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(512, 512, 256, &["invert"]);
    let (known, ended) = (rig.processing(&picture).await, rig.processing(&picture).await);
    rig.mark(known.job, 0, &[0, 1, 2]).await;
    rig.state.cancel(ended.job, support::LONG).await.unwrap();
    let _worker = Worker::start(&rig, "one", &[]);
    for index in [0, 1, 2, 3] {
        rig.send(picture.record(&ended, index, &rig.kafka)).await;
        rig.send(picture.record(&known, index, &rig.kafka)).await;
    }
    rig.caught_up(Group::Workers).await;
    let results = tiles(&rig.records(Topic::Results, 1));
    assert_eq!(results.keys().copied().collect::<Vec<_>>(), [3]);
    assert_eq!(results[&3][0].0.job, known.job);
    assert_eq!(rig.all(Topic::Results).len(), 1);
}

#[actix::test]
async fn rubbish_is_dead_lettered_and_the_partition_moves_on() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(256, 256, 256, &["invert"]);
    let manifest = rig.processing(&picture).await;
    let good = picture.record(&manifest, 0, &rig.kafka);
    let flipped: Vec<u8> = good.payload.iter().map(|byte| byte ^ 1).collect();
    let rubbish = [
        Outgoing { headers: Vec::new(), payload: Bytes::from_static(b"random"), ..good.clone() },
        Outgoing { headers: vec![("schema", "task/9.0".to_owned())], ..good.clone() },
        Outgoing { payload: Bytes::new(), ..good.clone() },
        Outgoing { payload: flipped.into(), ..good.clone() },
    ];
    let count = rubbish.len();
    for record in rubbish {
        rig.send(record).await;
    }
    rig.send(good.clone()).await;
    let _worker = Worker::start(&rig, "one", &[]);
    let dead = rig.records(Topic::TasksDlq, count);
    for record in &dead {
        assert_eq!(record.headers.get("error-class"), Some("undecodable"));
        assert!(record.headers.get("error-message").is_some_and(|text| text.starts_with("reading a record")));
    }
    assert_eq!(tiles(&rig.records(Topic::Results, 1))[&0][0].1, picture.expected(&manifest, 0));
    rig.caught_up(Group::Workers).await;
    assert_eq!(rig.state.job(manifest.job).await.unwrap().unwrap().status, JobStatus::Processing);
}

/// A task that says what `change` makes of it, with pixels that agree with that.
fn lie(picture: &Picture, manifest: &Manifest, rig: &Rig, change: impl FnOnce(&mut TaskHeader)) -> Outgoing {
    let mut record = picture.record(manifest, 0, &rig.kafka);
    let (mut task, pixels) = picture.task(manifest, 0);
    change(&mut task);
    let bytes = task.width as usize * task.height as usize * 3;
    let pixels: Vec<u8> = pixels.into_iter().cycle().take(bytes).collect();
    task.crc32c = crc32c::crc32c(&pixels);
    (record.headers, record.payload) = (task.encode(), pixels.into());
    record
}

#[actix::test]
async fn lies_about_a_tile_are_dead_lettered_and_its_job_is_exact() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(700, 600, 256, &["box_blur:ksize=9", "invert"]);
    let manifest = rig.processing(&picture).await;
    let operations = |texts: &[&str]| Chain::parse(texts, 9).unwrap();
    let lies = [
        lie(&picture, &manifest, &rig, |task| {
            (task.margins.right, task.margins.bottom) = (0, 0);
            (task.width, task.height) = (task.rect.width, task.rect.height);
        }),
        lie(&picture, &manifest, &rig, |task| task.operations = operations(&["invert"])),
        // Kernels refuse this one: it would be poison, and fail the job.
        lie(&picture, &manifest, &rig, |task| task.operations = operations(&["contrast", "invert"])),
        lie(&picture, &manifest, &rig, |task| task.operations = operations(&["gaussian_blur:ksize=255"])),
        lie(&picture, &manifest, &rig, |task| task.index = 4),
        lie(&picture, &manifest, &rig, |task| task.index = 4_000_000_000),
        lie(&picture, &manifest, &rig, |task| task.picture.size.width = 90_000),
        lie(&picture, &manifest, &rig, |task| task.plan = "00000000000000aa".parse().unwrap()),
    ];
    let count = lies.len();
    for lie in lies {
        rig.send(lie).await;
    }
    // Of an unknown job, and of a run or stage that the job is not at: left-overs, as happen.
    rig.send(lie(&picture, &manifest, &rig, |task| task.run = 2)).await;
    rig.send(lie(&picture, &manifest, &rig, |task| task.job = JobId::random())).await;
    rig.send(lie(&picture, &manifest, &rig, |task| task.stage = 7)).await;
    let total = manifest.plan.stages[0].grid().tiles();
    for index in 0..total {
        rig.send(picture.record(&manifest, index, &rig.kafka)).await;
    }
    let _worker = Worker::start(&rig, "one", &[]);
    rig.caught_up(Group::Workers).await;
    let made = tiles(&rig.all(Topic::Results));
    assert_eq!(made.len(), total as usize);
    for (index, made) in made {
        assert!(made.iter().all(|(_, pixels)| pixels == &picture.expected(&manifest, index)), "tile {index}");
        assert_eq!(made.len(), 1, "tile {index}");
    }
    let dead = rig.records(Topic::TasksDlq, count);
    assert_eq!(rig.all(Topic::TasksDlq).len(), count);
    assert!(dead.iter().all(|letter| letter.headers.get("error-class") == Some("disagrees")));
    assert_eq!(rig.state.job(manifest.job).await.unwrap().unwrap().status, JobStatus::Processing);
}

#[actix::test]
async fn a_tile_whose_result_cannot_be_sent_fails_its_job_alone_and_is_dead_lettered_as_it_came() {
    let rig = Rig::new().await;
    let (picture, small) = (Picture::rgb(256, 256, 256, &["invert"]), Picture::rgb(64, 64, 64, &["invert"]));
    let (poisoned, harmless) = (rig.processing(&picture).await, rig.processing(&small).await);
    let poison = picture.record(&poisoned, 0, &rig.kafka);
    let pixels = poison.payload.clone();
    rig.send(poison).await;
    rig.send(small.record(&harmless, 0, &rig.kafka)).await;
    // The worker may send less than the task's 196,608 bytes.
    let _worker = Worker::start(&rig, "one", &[("TESSERA_MAX_RECORD_BYTES", "65536")]);
    let dead = rig.records(Topic::TasksDlq, 1);
    assert_eq!(dead[0].payload, pixels);
    assert_eq!(dead[0].headers.get("error-class"), Some("unsendable"));
    assert_eq!(tiles(&rig.records(Topic::Results, 1))[&0][0].0.job, harmless.job);
    rig.caught_up(Group::Workers).await;
    let failed = rig.state.job(poisoned.job).await.unwrap().unwrap();
    assert_eq!(failed.status, JobStatus::Failed);
    let reason = failed.reason.unwrap();
    assert!(reason.starts_with("tile 0 of stage 0 (x 0, y 0, 256x256): sending a record"), "{reason}");
    assert_eq!(rig.state.job(harmless.job).await.unwrap().unwrap().status, JobStatus::Processing);
}

#[actix::test]
async fn a_tile_that_ended_three_workers_is_condemned_unrun() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    for _ in 0..3 {
        rig.state.take(manifest.job, 0, 0, &Token::random()).await.unwrap();
    }
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    let _worker = Worker::start(&rig, "one", &[]);
    let dead = rig.records(Topic::TasksDlq, 1);
    assert_eq!(dead[0].headers.get("error-class"), Some("condemned"));
    rig.caught_up(Group::Workers).await;
    let failed = rig.state.job(manifest.job).await.unwrap().unwrap();
    assert_eq!(failed.status, JobStatus::Failed);
    assert!(failed.reason.unwrap().contains("3 workers ended while they ran it"));
}

#[actix::test]
async fn a_tile_that_the_drain_limit_cuts_off_is_handed_back_and_never_condemned() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    for _ in 0..4 {
        let slow = [("TESSERA_TILE_DELAY_MS", "60000"), ("TESSERA_DRAIN_SECONDS", "1")];
        let mut worker = Worker::start(&rig, "slow", &slow);
        until("the tile to be in hand", async || !rig.takers(manifest.job, 0).is_empty()).await;
        assert!(worker.terminate().success());
        assert_eq!(rig.takers(manifest.job, 0), "", "it is held against the tile");
    }
    let _worker = Worker::start(&rig, "one", &[]);
    assert_eq!(tiles(&rig.records(Topic::Results, 1))[&0][0].1, picture.expected(&manifest, 0));
    rig.caught_up(Group::Workers).await;
    assert!(rig.all(Topic::TasksDlq).is_empty());
}

/// A signal that comes twice at once, from a terminal or a service manager, is one.
#[actix::test]
async fn two_signals_at_once_are_one_request_to_stop() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    let mut worker = Worker::start(&rig, "one", &[("TESSERA_TILE_DELAY_MS", "1500")]);
    until("the tile to be in hand", async || !rig.takers(manifest.job, 0).is_empty()).await;
    let asked = Command::new("kill").arg("-INT").arg(worker.0.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert!(worker.terminate().success());
    assert_eq!(tiles(&rig.all(Topic::Results)).len(), 1, "the tile in hand was not finished");
}

#[actix::test]
async fn what_a_killed_worker_had_in_hand_is_done_by_another() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1024, 768, 256, &["gaussian_blur:ksize=5"]);
    let manifest = rig.processing(&picture).await;
    let total = manifest.plan.stages[0].grid().tiles();
    let mut first = Worker::start(&rig, "one", &[("TESSERA_TILE_DELAY_MS", "200")]);
    for index in 0..total {
        rig.send(picture.record(&manifest, index, &rig.kafka)).await;
    }
    rig.records(Topic::Results, 2);
    first.kill();
    let _second = Worker::start(&rig, "two", &[]);
    until("every tile", async || tiles(&rig.all(Topic::Results)).len() == total as usize).await;
    for (index, made) in tiles(&rig.all(Topic::Results)) {
        assert!(made.iter().all(|(_, pixels)| pixels == &picture.expected(&manifest, index)), "tile {index}");
    }
    rig.caught_up(Group::Workers).await;
}

#[actix::test]
async fn a_worker_that_is_asked_to_stop_finishes_its_tile_commits_and_says_farewell() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1024, 768, 256, &["invert"]);
    let manifest = rig.processing(&picture).await;
    let total = manifest.plan.stages[0].grid().tiles();
    let results = rig.reader(Topic::Results);
    let mut first = Worker::start(&rig, "one", &[("TESSERA_TILE_DELAY_MS", "700")]);
    for index in 0..total {
        rig.send(picture.record(&manifest, index, &rig.kafka)).await;
    }
    rig.records_of(&results, Topic::Results, 1);
    let begun = std::time::Instant::now();
    let status = first.terminate();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed().as_secs() < 10, "it took {:?}", begun.elapsed());
    let made = tiles(&rig.all(Topic::Results)).len();
    assert!((1..=3).contains(&made), "{made} tiles, although each takes 0.7 s");
    let beats = rig.all(Topic::Heartbeats);
    let last = beats.last().map(|beat| Heartbeat::decode(&beat.headers, &beat.payload).unwrap()).unwrap();
    assert_eq!((last.status.as_str(), last.tiles_done, last.busy), ("draining", made as u64, 0));
    let lag = tessera::bus::admin::lag(&rig.kafka, Group::Workers).await.unwrap();
    let left: i64 = lag.iter().map(|lag| lag.records()).sum();
    assert_eq!(left, i64::from(total) - made as i64, "committed: what was made, and nothing else");
    let _second = Worker::start(&rig, "two", &[]);
    rig.caught_up(Group::Workers).await;
    assert_eq!(tiles(&rig.all(Topic::Results)).len(), total as usize);
}

/// The names of the workers that live, as Redis has them.
async fn alive(rig: &Rig) -> Vec<String> {
    let prefix = format!("{}name:worker:", rig.redis.key_prefix);
    let mut connection = redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap();
    let mut names: Vec<String> = keys.iter().filter_map(|key| Some(key.strip_prefix(&prefix)?.to_owned())).collect();
    names.sort();
    names
}

#[actix::test]
async fn a_worker_without_a_name_takes_the_next_free_one_and_gives_it_up() {
    let rig = Rig::new().await;
    let host = tessera::config::ServiceArgs::host();
    let names = |numbers: &[u32]| numbers.iter().map(|number| format!("{host}-{number}")).collect::<Vec<_>>();
    let start = || Worker::start(&rig, "", &[]);
    let mut one = start();
    until("the first name", async || alive(&rig).await == names(&[1])).await;
    let _two = start();
    until("the second name", async || alive(&rig).await == names(&[1, 2])).await;
    // A name whose holder was killed on this machine is free at once.
    one.kill();
    let begun = std::time::Instant::now();
    let mut one = start();
    until("the first name to have another holder", async || {
        let key = format!("{}name:worker:{host}-1", rig.redis.key_prefix);
        let mut connection = redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
        let holder: Option<String> = redis::cmd("GET").arg(key).query(&mut connection).unwrap();
        holder.is_some_and(|holder| holder.split(' ').nth(2) == Some(&one.0.id().to_string()))
    })
    .await;
    assert!(begun.elapsed().as_secs() < 5, "it took {:?}", begun.elapsed());
    assert!(one.terminate().success());
    assert_eq!(alive(&rig).await, names(&[2]));
}

#[actix::test]
async fn a_given_name_in_use_is_refused_and_its_holder_works_on() {
    let rig = Rig::new().await;
    let mut first = Worker::start(&rig, "one", &[]);
    until("the name to be taken", async || alive(&rig).await == ["one"]).await;
    let mut second = Worker::start(&rig, "one", &[("TESSERA_NAME", "second")]);
    assert!(!second.0.wait().unwrap().success(), "a second worker of that name");
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    rig.caught_up(Group::Workers).await;
    assert_eq!(tiles(&rig.all(Topic::Results))[&0][0].0.worker.as_str(), "one");
    assert!(first.terminate().success());
    assert!(alive(&rig).await.is_empty());
}
