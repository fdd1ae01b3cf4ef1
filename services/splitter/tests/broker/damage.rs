//! Pictures and rows that are damaged before, while or after they are read: none of it becomes a result.

use tessera::bus::Topic;
use tessera::bus::records::{JobCommand, TaskHeader};
use tessera::job::{Digest, JobId, JobStatus, Manifest, Token};
use tessera::picture::raw::RawWriter;
use tessera::picture::rows::RowWriter;
use tessera::state::{Claim, Given};
use tessera::store::{Object, Store};

use crate::running::{Running, Tasks, accepted, read_to_the_end, tell};
use crate::support::{LONG, Picture, Rig, until};

/// What is done to a file, and its name; the second kind is told a place.
type Damage = (&'static str, fn(&mut Vec<u8>));

type DamageAt = (&'static str, fn(&mut Vec<u8>, usize));

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
