//! What becomes of a task: a result with the right bytes, nothing, or a dead letter with its reason.

use bytes::Bytes;
use tessera::bus::records::TaskHeader;
use tessera::bus::{Group, Outgoing, Topic};
use tessera::job::{JobId, JobStatus, Manifest, Token};
use tessera::operation::Chain;
use tessera::state::Take;

use crate::process::Worker;
use crate::support::{self, Picture, Rig, tiles};

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
