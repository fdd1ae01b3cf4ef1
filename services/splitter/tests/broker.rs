//! The splitter on a real Kafka and Redis: what it sends, when it waits, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what failed by failing")]
#![cfg(feature = "broker-tests")]

#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::thread::JoinHandle;

use bytes::Bytes;
use rdkafka::consumer::BaseConsumer;
use support::{LONG, Picture, Rig, poll, until};
use tessera::bus::records::{JobCommand, TaskHeader};
use tessera::bus::{Group, Outgoing, Topic};
use tessera::config::{LimitArgs, StoreArgs};
use tessera::job::{Digest, JobId, JobStatus, Manifest, Token};
use tessera::picture::raw::RawWriter;
use tessera::picture::rows::RowWriter;
use tessera::state::{Claim, Given};
use tessera::store::{Object, Store};
use tessera::telemetry::Shutdown;
use tessera::telemetry::shutdown::ShutdownHandle;
use tessera_splitter::{Config, PassArgs};

/// What is done to a file, and its name; the second kind is told a place.
type Damage = (&'static str, fn(&mut Vec<u8>));
type DamageAt = (&'static str, fn(&mut Vec<u8>, usize));

/// A splitter on a thread of its own; it is asked to stop when it is dropped.
struct Running {
    shutdown: ShutdownHandle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(rig: &Rig, name: &str) -> Self {
        Self::start_with(rig, name, rig.store.clone())
    }

    fn start_with(rig: &Rig, name: &str, store: StoreArgs) -> Self {
        let config = Config {
            service: rig.service(name),
            kafka: rig.kafka.clone(),
            redis: rig.redis.clone(),
            store,
            limits: LimitArgs::default(),
            passes: PassArgs::default(),
        };
        let (handle, shutdown) = Shutdown::new();
        let body =
            move || actix::System::new().block_on(tessera_splitter::run(config, shutdown)).expect("the splitter ended");
        Self { shutdown: handle, thread: Some(std::thread::spawn(body)) }
    }

    fn stop(mut self) {
        self.shutdown.request();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.request();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An accepted job whose announcement is still to be sent.
async fn accepted(rig: &Rig, picture: &Picture, png: Vec<u8>) -> Manifest {
    let (manifest, store) = (picture.manifest(), Store::open(&rig.store).unwrap());
    store.put(&Object::Original(manifest.job), png.into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    rig.state.accept(&manifest, LONG).await.unwrap();
    manifest
}

async fn tell(rig: &Rig, command: &JobCommand) {
    let (headers, value) = command.encode();
    let key = Some(command.job().to_string());
    rig.send(Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload: value.into() }).await;
}

/// A task and its pixels.
type Sent = (TaskHeader, Vec<u8>);

/// The tasks of a topic, as they come.
struct Tasks {
    reader: BaseConsumer,
    seen: BTreeMap<(JobId, u32), Vec<Sent>>,
    count: usize,
}

impl Tasks {
    fn of(rig: &Rig) -> Self {
        Self { reader: rig.reader(Topic::Tasks), seen: BTreeMap::new(), count: 0 }
    }

    fn read(&mut self) {
        while let Some(record) = poll(&self.reader) {
            let task = TaskHeader::decode(&record.headers, &record.payload).unwrap();
            self.seen.entry((task.job, task.index)).or_default().push((task, record.payload));
            self.count += 1;
        }
    }

    async fn wait_for(&mut self, count: usize) {
        until(&format!("{count} tasks"), async || {
            self.read();
            self.count >= count
        })
        .await;
    }

    fn indices(&self, job: JobId) -> Vec<u32> {
        self.seen.keys().filter(|(of, _)| *of == job).map(|(_, index)| *index).collect()
    }
}

/// Waits until a job's pass has ended: it is not being read, and no one is asked to.
async fn read_to_the_end(rig: &Rig, job: JobId) {
    until("the pass to end", async || {
        let leased = rig.state.job(job).await.unwrap().unwrap().leased;
        !leased && !rig.state.ready_jobs(100).await.unwrap().contains(&job)
    })
    .await;
}

#[actix_web::test]
async fn an_accepted_picture_is_cut_in_a_window_and_only_what_is_missing_is_sent() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1100, 256, &["gaussian_blur:ksize=9", "invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    // 20 tiles; without workers 8 may be out. A second, small job shows that no ninth came meanwhile.
    tasks.wait_for(8).await;
    let small = Picture::rgb(100, 100, 256, &["invert"]);
    let other = accepted(&rig, &small, small.png()).await;
    tell(&rig, &JobCommand::Accepted { job: other.job }).await;
    tasks.wait_for(9).await;
    assert_eq!(tasks.indices(other.job), [0]);
    assert_eq!(tasks.indices(job), (0..8).collect::<Vec<_>>());
    // A bit that is set makes room for one more; one that is set early makes its tile needless.
    rig.mark(job, 0, &[3, 12]).await;
    tasks.wait_for(10).await;
    assert_eq!(tasks.indices(job), (0..9).collect::<Vec<_>>());
    rig.mark(job, 0, &(0..9).collect::<Vec<_>>()).await;
    tasks.wait_for(18).await;
    assert_eq!(tasks.indices(job), (0..12).chain(13..18).collect::<Vec<_>>());
    rig.mark(job, 0, &(9..18).collect::<Vec<_>>()).await;
    read_to_the_end(&rig, job).await;
    tasks.wait_for(20).await;
    for ((_, index), sent) in tasks.seen.iter().filter(|((of, _), _)| *of == job) {
        let (expected, pixels) = picture.task(&manifest, *index);
        assert_eq!(sent.len(), 1, "tile {index}");
        assert_eq!((&sent[0].0, &sent[0].1), (&expected, &pixels), "tile {index}");
    }
    assert_eq!(rig.all(Topic::Tasks).len(), 20);
    rig.caught_up(Group::Jobs).await;
}

#[actix_web::test]
async fn resend_sends_the_missing_tiles_as_another_attempt() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(700, 500, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(6).await;
    rig.mark(job, 0, &[0, 1, 2, 5]).await;
    read_to_the_end(&rig, job).await;
    tell(&rig, &JobCommand::Resend { job, stage: 0, reason: "a test".to_owned(), inline: Vec::new() }).await;
    tasks.wait_for(8).await;
    read_to_the_end(&rig, job).await;
    assert_eq!(rig.all(Topic::Tasks).len(), 8);
    let attempts = |index: u32| tasks.seen[&(job, index)].iter().map(|(task, _)| task.attempt).collect::<Vec<_>>();
    for index in 0..6 {
        let expected: &[u32] = if [3, 4].contains(&index) { &[1, 2] } else { &[1] };
        assert_eq!(attempts(index), expected, "tile {index}");
    }
}

#[actix_web::test]
async fn a_damaged_picture_fails_with_its_row_and_its_last_tile_is_never_sent() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(600, 600, 256, &["invert"]);
    let whole = picture.png();
    let mut flipped = whole.clone();
    // A byte of the last chunk of data, so that nearly all rows can be read.
    let at = flipped.len() - 12 - 4 - 2;
    flipped[at] ^= 0x40;
    let _splitter = Running::start(&rig, "splitter");
    for (damaged, says) in [(whole[..whole.len() / 2].to_vec(), "reading row "), (flipped, "reading ")] {
        let manifest = accepted(&rig, &picture, damaged).await;
        let job = manifest.job;
        tell(&rig, &JobCommand::Accepted { job }).await;
        until("the failure", async || rig.state.job(job).await.unwrap().unwrap().status == JobStatus::Failed).await;
        let reason = rig.state.job(job).await.unwrap().unwrap().reason.unwrap();
        assert!(reason.starts_with(says) && reason.contains("of 600: "), "{reason}");
        let mut tasks = Tasks::of(&rig);
        tasks.wait_for(rig.all(Topic::Tasks).len()).await;
        assert!(!tasks.indices(job).contains(&8), "the last tile was sent");
        let store = Store::open(&rig.store).unwrap();
        until("the end marker", async || store.end(job).await.unwrap().is_some()).await;
        assert_eq!(store.end(job).await.unwrap().unwrap().reason, Some(reason));
    }
}

#[actix_web::test]
async fn a_splitter_that_is_asked_to_stop_gives_its_lease_back_and_another_goes_on() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let first = Running::start(&rig, "first");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    first.stop();
    let view = rig.state.job(job).await.unwrap().unwrap();
    assert_eq!((view.leased, view.attempts, view.status), (false, 0, JobStatus::Processing));
    rig.caught_up(Group::Jobs).await;
    rig.mark(job, 0, &(0..8).collect::<Vec<_>>()).await;
    let _second = Running::start(&rig, "second");
    tasks.wait_for(16).await;
    assert_eq!(tasks.indices(job), (0..16).collect::<Vec<_>>());
}

#[actix_web::test]
async fn rubbish_is_dead_lettered_and_what_was_withdrawn_is_dropped() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let _splitter = Running::start(&rig, "splitter");
    let (headers, _) = JobCommand::Ended { job: JobId::random() }.encode();
    let payload = Bytes::from_static(b"{\"command\":\"explode\"}");
    rig.send(Outgoing { topic: Topic::Jobs, key: None, partition: None, headers, payload: payload.clone() }).await;
    let withdrawn = JobId::random();
    tell(&rig, &JobCommand::Accepted { job: withdrawn }).await;
    // Redis has not heard of this one, or has forgotten it; manifest and original are there.
    let (manifest, store) = (picture.manifest(), Store::open(&rig.store).unwrap());
    store.put(&Object::Original(manifest.job), picture.png().into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    tell(&rig, &JobCommand::Accepted { job: manifest.job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(1).await;
    assert_eq!(tasks.indices(manifest.job), [0]);
    rig.caught_up(Group::Jobs).await;
    assert!(rig.state.job(withdrawn).await.unwrap().is_none());
    let dead = rig.all(Topic::JobsDlq);
    assert_eq!((dead.len(), dead[0].payload.as_slice()), (1, payload.as_ref()));
}

#[actix_web::test]
async fn a_cancelled_job_stops_being_sent_and_makes_room() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    rig.state.cancel(job, LONG).await.unwrap();
    tell(&rig, &JobCommand::Ended { job }).await;
    let store = Store::open(&rig.store).unwrap();
    until("the end marker", async || store.end(job).await.unwrap().is_some()).await;
    assert_eq!(store.end(job).await.unwrap().unwrap().status, JobStatus::Cancelled);
    // Two jobs that never finish beside it would need three places.
    let others = [accepted(&rig, &picture, picture.png()).await, accepted(&rig, &picture, picture.png()).await];
    for other in &others {
        tell(&rig, &JobCommand::Accepted { job: other.job }).await;
    }
    tasks.wait_for(24).await;
    assert_eq!(tasks.indices(job), (0..8).collect::<Vec<_>>());
}

#[actix_web::test]
async fn one_manifest_that_cannot_be_read_fails_its_job_and_holds_up_no_other() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let bad = accepted(&rig, &picture, picture.png()).await;
    // Redis has forgotten it, and its description is a link to itself.
    rig.state.withdraw(bad.job).await.unwrap();
    let path = Store::open(&rig.store).unwrap().place_of(&Object::Manifest(bad.job));
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let damaged = accepted(&rig, &picture, picture.png()).await;
    let file = Store::open(&rig.store).unwrap().place_of(&Object::Manifest(damaged.job));
    std::fs::write(file, "{").unwrap();
    tell(&rig, &JobCommand::Accepted { job: bad.job }).await;
    tell(&rig, &JobCommand::Accepted { job: damaged.job }).await;
    let _splitter = Running::start(&rig, "splitter");
    let good = accepted(&rig, &picture, picture.png()).await;
    tell(&rig, &JobCommand::Accepted { job: good.job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(1).await;
    assert_eq!(tasks.indices(good.job), [0]);
    let letters = rig.records(Topic::JobsDlq, 1);
    assert_eq!(letters[0].headers.get("error-class"), Some("spent"));
    assert_eq!(letters[0].headers.get("attempts"), Some("5"));
    assert!(letters[0].headers.get("error-message").unwrap().contains("job.json"), "{:?}", letters[0].headers);
    rig.caught_up(Group::Jobs).await;
    until("the damaged job to fail", async || {
        rig.state.job(damaged.job).await.unwrap().unwrap().status == JobStatus::Failed
    })
    .await;
}

#[actix_web::test]
async fn a_job_with_a_key_of_another_kind_fails_alone() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let _splitter = Running::start(&rig, "splitter");
    let mut jobs = Vec::new();
    for key in ["", ":tiles:0"] {
        let bad = accepted(&rig, &picture, picture.png()).await;
        rig.spoil(&format!("job:{{{}}}{key}", bad.job));
        tell(&rig, &JobCommand::Accepted { job: bad.job }).await;
        jobs.push(bad.job);
    }
    rig.spoil("jobs:ready");
    let good = accepted(&rig, &picture, picture.png()).await;
    tell(&rig, &JobCommand::Accepted { job: good.job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(1).await;
    assert_eq!(tasks.indices(good.job), [0]);
    for job in jobs {
        until("the job to fail", async || {
            rig.state.job(job).await.is_ok_and(|view| view.is_some_and(|view| view.status == JobStatus::Failed))
        })
        .await;
        let reason = rig.state.job(job).await.unwrap().unwrap().reason.unwrap();
        assert!(reason.contains("WRONGTYPE") && reason.contains("retry the job"), "{reason}");
    }
    rig.caught_up(Group::Jobs).await;
}

#[actix_web::test]
async fn ended_is_believed_only_of_a_job_that_has_ended() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    tell(&rig, &JobCommand::Ended { job }).await;
    rig.caught_up(Group::Jobs).await;
    rig.mark(job, 0, &(0..8).collect::<Vec<_>>()).await;
    tasks.wait_for(16).await;
    assert_eq!(tasks.indices(job), (0..16).collect::<Vec<_>>());
    assert!(tasks.seen.values().all(|sent| sent.len() == 1), "the pass was ended and started over");
}

#[actix_web::test]
async fn a_pass_whose_tiles_are_lost_waits_until_it_is_told_to_send_them_again() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(8).await;
    rig.mark(job, 0, &[0, 1]).await;
    tasks.wait_for(10).await;
    tell(&rig, &JobCommand::Resend { job, stage: 0, reason: "a test".to_owned(), inline: Vec::new() }).await;
    tasks.wait_for(18).await;
    for index in 0..10 {
        assert_eq!(tasks.seen[&(job, index)].len(), if index < 2 { 1 } else { 2 }, "tile {index}");
    }
}

#[actix_web::test]
async fn rows_that_are_read_are_progress_and_a_pass_that_waits_is_none() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(1000, 1000, 256, &["invert"]);
    let job = accepted(&rig, &picture, picture.png()).await.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    Tasks::of(&rig).wait_for(8).await;
    let view = async || rig.state.job(job).await.unwrap().unwrap();
    // The lease is renewed again and again; the rows are noted once, and then time goes by.
    until("the pass to lie still", async || view().await.moments.idle_ms() > 5_000).await;
    let (moved, lease_until) = (view().await.moments.progress, view().await.lease_until);
    until("a renewal", async || view().await.lease_until > lease_until).await;
    assert_eq!(view().await.moments.progress, moved);
}

/// What a service's health page says of its readiness.
fn readiness(rig: &Rig, name: &str) -> String {
    let address = std::fs::read_to_string(rig.folder.path().join("run").join(format!("{name}.addr"))).unwrap();
    let mut stream = std::net::TcpStream::connect(address.trim()).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[actix_web::test]
async fn a_splitter_of_another_store_is_not_ready_and_takes_no_partition() {
    let rig = Rig::new().await;
    let id = Store::open(&rig.store).unwrap().make_identity().await.unwrap();
    rig.state.adopt_store(id, "here").await.unwrap();
    let other = format!("file://{}", rig.folder.path().join("other").display());
    let other = StoreArgs { store: other, ..rig.store.clone() };
    let other_id = Store::open(&other).unwrap().make_identity().await.unwrap();
    let _stranger = Running::start_with(&rig, "stranger", other);
    let has_looked = async || {
        let announced = rig.state.announced_stores().await.unwrap();
        announced.iter().any(|said| said.service.starts_with("stranger") && said.id == Some(other_id))
    };
    until("the stranger to look at its store", has_looked).await;
    let told = async || {
        let answer = readiness(&rig, "stranger");
        answer.starts_with("HTTP/1.1 503") && [id, other_id].iter().all(|id| answer.contains(&id.to_string()))
    };
    until("the stranger's page to tell both ids", told).await;
    // There is one partition of jobs: the stranger came first and would have it.
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job: manifest.job }).await;
    Tasks::of(&rig).wait_for(1).await;
    rig.caught_up(Group::Jobs).await;
    assert_eq!(rig.state.job(manifest.job).await.unwrap().unwrap().status, JobStatus::Processing);
}

/// The picture as a QOI, which has no checksums: what is flipped in it is another colour.
fn qoi(picture: &Picture) -> Vec<u8> {
    let size = picture.info.size;
    let mut out = b"qoif".to_vec();
    out.extend(size.width.to_be_bytes().into_iter().chain(size.height.to_be_bytes()).chain([3, 0]));
    picture.samples.chunks_exact(3).for_each(|pixel| out.extend([0xfe, pixel[0], pixel[1], pixel[2]]));
    out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    out
}

/// An accepted job whose picture is `sent` by its description.
async fn accepted_qoi(rig: &Rig, picture: &Picture, sent: &[u8]) -> Manifest {
    let store = Store::open(&rig.store).unwrap();
    let manifest = Manifest {
        original_format: "qoi".to_owned(),
        bytes_in: sent.len() as u64,
        digest: Some(Digest::of(sent)),
        ..picture.manifest()
    };
    store.put(&Object::Original(manifest.job), sent.to_vec().into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    rig.state.accept(&manifest, LONG).await.unwrap();
    manifest
}

/// Does something to an object's file.
fn hurt(rig: &Rig, object: &Object, how: impl FnOnce(&mut Vec<u8>)) {
    let path = Store::open(&rig.store).unwrap().place_of(object);
    let mut bytes = std::fs::read(&path).unwrap();
    how(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

async fn failed(rig: &Rig, job: JobId) -> String {
    until("the failure", async || rig.state.job(job).await.unwrap().unwrap().status == JobStatus::Failed).await;
    rig.state.job(job).await.unwrap().unwrap().reason.unwrap()
}

#[actix_web::test]
async fn a_picture_that_was_damaged_after_it_was_sent_never_becomes_a_result() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(500, 500, 256, &["invert"]);
    let sent = qoi(&picture);
    let _splitter = Running::start(&rig, "splitter");
    let at = sent.len() / 2 / 4 * 4;
    let damages: [DamageAt; 4] = [
        ("a bit of a colour", |bytes, at| bytes[at] ^= 1),
        ("a bit of the end, which no decoder needs", |bytes, _| *bytes.last_mut().unwrap() ^= 2),
        ("cut off", |bytes, at| bytes.truncate(at)),
        ("longer", |bytes, _| bytes.push(0)),
    ];
    for (what, damage) in damages {
        let manifest = accepted_qoi(&rig, &picture, &sent).await;
        let job = manifest.job;
        hurt(&rig, &Object::Original(job), |bytes| damage(bytes, at));
        tell(&rig, &JobCommand::Accepted { job }).await;
        let reason = failed(&rig, job).await;
        assert!(
            reason.contains("damaged in the store") && reason.contains("send the picture again"),
            "{what}: {reason}"
        );
        let mut tasks = Tasks::of(&rig);
        tasks.wait_for(rig.all(Topic::Tasks).len()).await;
        assert!(!tasks.indices(job).contains(&3), "{what}: the last tile was sent");
    }
    let job = accepted_qoi(&rig, &picture, &sent).await.job;
    tell(&rig, &JobCommand::Accepted { job }).await;
    read_to_the_end(&rig, job).await;
    assert_eq!(rig.state.job(job).await.unwrap().unwrap().status, JobStatus::Processing);
}

#[actix_web::test]
async fn a_picture_that_is_damaged_between_two_passes_is_not_read_again() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(700, 500, 256, &["invert"]);
    let manifest = accepted_qoi(&rig, &picture, &qoi(&picture)).await;
    let job = manifest.job;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(6).await;
    rig.mark(job, 0, &[0, 3, 4, 5]).await;
    read_to_the_end(&rig, job).await;
    hurt(&rig, &Object::Original(job), |bytes| bytes[401] ^= 1);
    tell(&rig, &JobCommand::Resend { job, stage: 0, reason: "a test".to_owned(), inline: Vec::new() }).await;
    let reason = failed(&rig, job).await;
    assert!(reason.contains("damaged in the store"), "{reason}");
    assert_eq!(rig.all(Topic::Tasks).len(), 6, "a tile of the damaged picture was sent");
}

/// A job at its second stage, which reads these rows.
async fn at_its_second_stage(rig: &Rig, picture: &Picture) -> (Manifest, Object) {
    let manifest = accepted(rig, picture, picture.png()).await;
    let job = manifest.job;
    rig.state.queue(job).await.unwrap();
    rig.state.lease(job, &Token::random(), "rig").await.unwrap();
    let stage = manifest.plan.stage(0).unwrap();
    rig.mark(job, 0, &(0..stage.grid().tiles()).collect::<Vec<_>>()).await;
    let claim = rig.state.claim(job, 0, &"00000000000000aa".parse().unwrap(), &Token::random(), "rig").await.unwrap();
    let Claim::Held { token } = claim else { panic!("{claim:?}") };
    let rows = Object::Rows { job, stage: 1, token: token.clone() };
    let mut bytes = Vec::new();
    let mut writer = Box::new(RawWriter::new(&mut bytes, stage.output).unwrap());
    let row = vec![7; stage.output.row_bytes()];
    (0..stage.output.size.height).for_each(|_| writer.write_row(&row).unwrap());
    writer.finish().unwrap();
    Store::open(&rig.store).unwrap().put(&rows, bytes.into()).await.unwrap();
    let given = Given::Rows(rows.to_string());
    assert!(rig.state.next_stage(job, 0, &token, &given).await.unwrap().is_so());
    (manifest, rows)
}

#[actix_web::test]
async fn rows_that_are_damaged_between_two_stages_are_made_anew_and_none_is_sent() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(500, 500, 256, &["canny", "invert"]);
    let _splitter = Running::start(&rig, "splitter");
    let damages: [Damage; 3] = [
        ("a bit of the first rows", |bytes| bytes[1000] ^= 1),
        ("cut off", |bytes| bytes.truncate(1500)),
        ("of another version", |bytes| bytes[8] = 1),
    ];
    for (what, damage) in damages {
        let (manifest, rows) = at_its_second_stage(&rig, &picture).await;
        let job = manifest.job;
        hurt(&rig, &rows, damage);
        tell(&rig, &JobCommand::NextStage { job }).await;
        until("another run", async || rig.state.job(job).await.unwrap().unwrap().run == 2).await;
        read_to_the_end(&rig, job).await;
        let view = rig.state.job(job).await.unwrap().unwrap();
        assert_eq!((view.status, view.stage, view.rows), (JobStatus::Processing, 0, None), "{what}");
        let mut tasks = Tasks::of(&rig);
        tasks.wait_for(rig.all(Topic::Tasks).len()).await;
        let of = |task: &TaskHeader| (task.stage, task.run);
        let sent: Vec<_> = tasks.seen.iter().filter(|((of, _), _)| *of == job).flat_map(|(_, sent)| sent).collect();
        assert!(!sent.is_empty() && sent.iter().all(|(task, _)| of(task) == (0, 2)), "{what}: damaged rows were sent");
        assert_eq!(Store::open(&rig.store).unwrap().size(&rows).await.unwrap(), None, "{what}: the rows are left");
    }
}
