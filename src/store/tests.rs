//! The store on a real folder: visibility, what is left after failures, ranges, sweeping.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::TryStreamExt;
use tempfile::TempDir;

use super::*;
use crate::job::{Digest, EndMarker, JobStatus, Manifest, Priority, Token};
use crate::operation::Chain;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
use crate::plan::{Plan, PlanLimits};

struct Folder {
    dir: TempDir,
    store: Store,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&args(dir.path())).unwrap();
    Folder { dir, store }
}

fn args(dir: &Path) -> StoreArgs {
    let store = format!("file://{}", dir.join("store").display());
    StoreArgs { store, scratch_dir: dir.join("scratch"), sync: Sync::All }
}

impl Folder {
    fn job(&self, job: JobId) -> PathBuf {
        self.store.place_of(&Object::Original(job)).parent().unwrap().to_owned()
    }

    /// Names in a job's folder, unfinished writes included; `None` if there is no folder.
    fn names(&self, job: JobId) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(self.job(job)).ok()?;
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        Some(names)
    }
}

fn manifest(job: JobId) -> Manifest {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let input = PictureInfo { size: Size { width: 1000, height: 700 }, format };
    let limits = PlanLimits { tile_size: 256, max_record_bytes: 1_000_000, band_bytes: 64 << 20 };
    let steps = vec!["invert".parse().unwrap()];
    Manifest {
        trace: Some(crate::job::TraceContext::random()),
        job,
        run: 1,
        filename: "../x.png".to_owned(),
        owner: "anonymous".to_owned(),
        operations: steps.clone(),
        format: "png".to_owned(),
        priority: Priority::Normal,
        bytes_in: 10,
        digest: None,
        request: None,
        kept: crate::job::KeptText::default(),
        notices: Vec::new(),
        quality: None,
        chroma: None,
        original_format: "png".to_owned(),
        plan: Plan::make(input, &Chain::new(steps), &limits).unwrap(),
        plan_hash: None,
        created_at: crate::time::now(),
    }
}

fn result(job: JobId) -> Object {
    Object::Result { job, token: Token::random(), ext: "png".to_owned() }
}

/// Waits for work that a drop has started.
async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("still not so: {what}");
}

#[tokio::test]
async fn an_object_is_visible_only_when_finished() {
    let (folder, job) = (folder(), JobId::random());
    let object = Object::Original(job);
    let piece = Bytes::from(vec![7; 100_000]);
    let mut writer = folder.store.writer(&object).await.unwrap();
    for _ in 0..9 {
        writer.write(piece.clone()).await.unwrap();
        assert_eq!(folder.store.size(&object).await.unwrap(), None);
    }
    assert_eq!(folder.names(job).unwrap(), ["original#1"]);
    assert_eq!(writer.finish().await.unwrap().bytes, 900_000);
    assert_eq!(folder.store.size(&object).await.unwrap(), Some(900_000));
    assert_eq!(folder.names(job).unwrap(), ["original"]);
    assert_eq!(folder.store.get(&object).await.unwrap().unwrap(), vec![7; 900_000]);
}

#[tokio::test]
async fn an_aborted_or_dropped_object_leaves_nothing() {
    let (folder, job) = (folder(), JobId::random());
    let mut writer = folder.store.writer(&Object::Original(job)).await.unwrap();
    writer.write(Bytes::from(vec![7; 1 << 20])).await.unwrap();
    writer.abort().await;
    assert_eq!(folder.names(job), None);

    let mut writer = folder.store.writer(&Object::Original(job)).await.unwrap();
    writer.write(Bytes::from(vec![7; 1 << 20])).await.unwrap();
    assert!(folder.names(job).is_some());
    drop(writer);
    until("the folder has gone", || folder.names(job).is_none()).await;
}

#[tokio::test]
async fn an_object_that_cannot_be_made_visible_leaves_nothing() {
    let (folder, job) = (folder(), JobId::random());
    let object = Object::Original(job);
    let mut writer = folder.store.writer(&object).await.unwrap();
    writer.write(Bytes::from(vec![7; 1 << 20])).await.unwrap();
    // A folder in its place: the last step, the rename, fails.
    std::fs::create_dir(folder.job(job).join("original")).unwrap();
    let error = writer.finish().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(folder.names(job).unwrap(), ["original"]);
}

#[tokio::test]
async fn a_blocking_writer_writes_the_same_bytes() {
    let (folder, job) = (folder(), JobId::random());
    let object = result(job);
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|i| (i * 7 % 251) as u8).collect();
    let mut writer = folder.store.blocking_writer(&object, &tokio::runtime::Handle::current());
    let sent = bytes.clone();
    let written = tokio::task::spawn_blocking(move || {
        for piece in sent.chunks(77_777) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap()
    });
    let written = written.await.unwrap();
    assert_eq!((written.bytes, written.digest), (3_000_001, Some(Digest::of(&bytes))));
    let mut read = Vec::new();
    folder.store.open_local(&object).await.unwrap().into_file().read_to_end(&mut read).unwrap();
    assert!(read == bytes);
}

#[tokio::test]
async fn a_dropped_blocking_writer_leaves_nothing() {
    let (folder, job) = (folder(), JobId::random());
    let mut writer = folder.store.blocking_writer(&result(job), &tokio::runtime::Handle::current());
    let dropped = tokio::task::spawn_blocking(move || writer.write_all(&vec![1; 2 << 20]).unwrap());
    dropped.await.unwrap();
    until("the folder has gone", || folder.names(job).is_none()).await;
}

#[tokio::test]
async fn a_blocking_writer_says_why_it_fails() {
    let (folder, job) = (folder(), JobId::random());
    // A file where the job's folder should be.
    std::fs::create_dir(folder.job(job).parent().unwrap()).unwrap();
    std::fs::write(folder.job(job), b"x").unwrap();
    let mut writer = folder.store.blocking_writer(&result(job), &tokio::runtime::Handle::current());
    let failed = tokio::task::spawn_blocking(move || {
        let error = (0..100).find_map(|_| writer.write_all(&vec![1; 1 << 20]).err());
        (error.map(|error| error.to_string()), writer.finish().is_err())
    });
    let (text, finish_failed) = failed.await.unwrap();
    assert!(text.unwrap().contains(&job.to_string()));
    assert!(finish_failed);
}

#[tokio::test]
async fn ranges_are_cut_at_the_end() {
    let (folder, job) = (folder(), JobId::random());
    let object = Object::Original(job);
    let bytes: Vec<u8> = (0..700_000_u32).map(|i| (i % 253) as u8).collect();
    folder.store.put(&object, bytes.clone().into()).await.unwrap();
    let ranges =
        [None, Some(0..1), Some(262_143..262_145), Some(699_999..9_999_999), Some(800_000..900_000), Some(5..5)];
    for range in ranges {
        let pieces: Vec<Bytes> = folder.store.read(&object, range.clone()).await.unwrap().try_collect().await.unwrap();
        let (from, to) = range.map_or((0, 700_000), |range| (range.start.min(700_000), range.end.min(700_000)));
        assert!(pieces.concat() == bytes[from as usize..to as usize], "{from}..{to}");
        assert!(pieces.iter().all(|piece| piece.len() <= 256 << 10));
    }
    let missing = folder.store.read(&result(job), None).await.err().unwrap();
    assert!(matches!(missing, StoreError::Missing { .. }));
}

#[tokio::test]
async fn what_is_not_there_is_none_and_deleting_it_is_a_success() {
    let (folder, job) = (folder(), JobId::random());
    let object = Object::Original(job);
    assert_eq!(folder.store.get(&object).await.unwrap(), None);
    assert!(folder.store.manifest(job).await.unwrap().is_none());
    assert!(folder.store.end(job).await.unwrap().is_none());
    folder.store.delete(&object).await.unwrap();
    folder.store.delete_job(job).await.unwrap();
    assert!(matches!(folder.store.open_local(&object).await.unwrap_err(), StoreError::Missing { .. }));
    assert!(folder.store.jobs().await.unwrap().is_empty());
}

#[tokio::test]
async fn manifests_and_ends_read_back_and_damage_is_named() {
    let (folder, job, other) = (folder(), JobId::random(), JobId::random());
    let written = manifest(job);
    folder.store.put_manifest(&written).await.unwrap();
    assert_eq!(folder.store.manifest(job).await.unwrap().unwrap(), written);
    let end = EndMarker {
        job,
        run: 1,
        status: JobStatus::Failed,
        reason: Some("row 3".to_owned()),
        final_filename: None,
        bytes_out: 0,
        digest: None,
        notices: Vec::new(),
        finished_at: crate::time::now(),
    };
    folder.store.put_end(&end).await.unwrap();
    assert_eq!(folder.store.end(job).await.unwrap().unwrap(), end);
    folder.store.put(&Object::Manifest(job), Bytes::from_static(b"{\"job\": 1}")).await.unwrap();
    assert!(matches!(folder.store.manifest(job).await.unwrap_err(), StoreError::Damaged { .. }));
    let foreign = serde_json::to_vec(&written).unwrap();
    folder.store.put(&Object::Manifest(other), foreign.into()).await.unwrap();
    assert!(matches!(folder.store.manifest(other).await.unwrap_err(), StoreError::Damaged { .. }));
}

#[tokio::test]
async fn a_huge_manifest_is_not_read() {
    let (folder, job) = (folder(), JobId::random());
    folder.store.put(&Object::Manifest(job), Bytes::from_static(b"x")).await.unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(folder.job(job).join("job.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(matches!(folder.store.manifest(job).await.unwrap_err(), StoreError::Damaged { .. }));
}

#[tokio::test]
async fn deleting_a_job_deletes_unfinished_writes_too() {
    let (folder, job, other) = (folder(), JobId::random(), JobId::random());
    folder.store.put_manifest(&manifest(job)).await.unwrap();
    folder.store.put_manifest(&manifest(other)).await.unwrap();
    folder.store.put(&result(job), Bytes::from_static(b"x")).await.unwrap();
    std::fs::write(folder.job(job).join("0123456789abcdef.png#1"), b"x").unwrap();
    assert_eq!(folder.store.jobs().await.unwrap().len(), 2);
    folder.store.delete_job(job).await.unwrap();
    assert_eq!(folder.names(job), None);
    assert_eq!(folder.store.jobs().await.unwrap(), [other]);
}

#[tokio::test]
async fn a_sweep_takes_what_crashes_left_and_nothing_else() {
    let (folder, kept, upload) = (folder(), JobId::random(), JobId::random());
    folder.store.put_manifest(&manifest(kept)).await.unwrap();
    std::fs::write(folder.job(kept).join("0123456789abcdef.png#1"), b"x").unwrap();
    let mut writer = folder.store.writer(&Object::Original(upload)).await.unwrap();
    writer.write(Bytes::from(vec![7; 1 << 20])).await.unwrap();
    let none = folder.store.sweep(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(none, Swept::default());
    let swept = folder.store.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(swept, Swept { files: 2, folders: 1 });
    assert_eq!(folder.names(kept).unwrap(), ["end.room", "job.json"]);
    assert_eq!(folder.names(upload), None);
}

#[test]
fn only_folders_are_stores() {
    let dir = tempfile::tempdir().unwrap();
    for url in ["s3://bucket", "http://x", "var/store", "file://", ""] {
        let args = StoreArgs { store: url.to_owned(), ..args(dir.path()) };
        assert!(matches!(Store::open(&args), Err(StoreError::Address { .. })), "{url}");
    }
}

#[test]
fn a_full_disk_is_told_apart_however_deep_it_is_said() {
    let wrap = |code: i32| {
        let inner = std::io::Error::from_raw_os_error(code);
        let middle = object_store::Error::Generic { store: "x", source: Box::new(inner) };
        object_store::Error::Generic { store: "x", source: Box::new(std::io::Error::other(middle)) }
    };
    let object = Object::Original(JobId::random());
    assert!(matches!(StoreError::of("writing", &object, wrap(libc::ENOSPC)), StoreError::Full { .. }));
    assert!(matches!(StoreError::of("writing", &object, wrap(libc::EDQUOT)), StoreError::Full { .. }));
    assert!(matches!(StoreError::of("writing", &object, wrap(libc::EIO)), StoreError::Unavailable { .. }));
}

#[tokio::test]
async fn a_marker_of_an_earlier_version_reads() {
    let (folder, job) = (folder(), JobId::random());
    let text = format!(
        r#"{{"job":"{job}","run":1,"status":"done","reason":null,"final_filename":"{job}/0123456789abcdef.png",
        "bytes_out":7,"finished_at":"2026-01-01T00:00:00.000Z"}}"#
    );
    folder.store.put(&Object::End(job), text.into()).await.unwrap();
    let end = folder.store.end(job).await.unwrap().unwrap();
    assert_eq!((end.bytes_out, end.digest), (7, None));
}

#[tokio::test]
async fn an_end_marker_finds_room_on_a_full_disk() {
    let (folder, job) = (folder(), JobId::random());
    folder.store.put_manifest(&manifest(job)).await.unwrap();
    let text = vec![b'x'; 1000];
    folder.store.root.put_reserved_end(job, text.clone(), true).await.unwrap();
    assert_eq!(folder.store.get(&Object::End(job)).await.unwrap().unwrap(), text);
    assert_eq!(folder.names(job).unwrap(), ["end.json", "job.json"]);
    let again = folder.store.root.put_reserved_end(job, text, true).await.unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::NotFound, "its room is used");
}

#[tokio::test]
async fn damage_of_every_kind_is_found() {
    let (folder, job) = (folder(), JobId::random());
    let (object, bytes) = (result(job), vec![5_u8; 700_000]);
    let digest = Digest::of(&bytes);
    let verify = async || folder.store.verify(&object, 700_000, Some(&digest), None).await.unwrap();
    let streamed = async || {
        let pieces = folder.store.read_verified(&object, digest).await.unwrap();
        let mut given = 0;
        let outcome = pieces.try_for_each(|piece| {
            given += piece.len();
            std::future::ready(Ok(()))
        });
        let outcome = outcome.await;
        (given, outcome.is_ok())
    };
    assert_eq!(verify().await, Some(Damage::Missing));
    folder.store.put(&object, bytes.clone().into()).await.unwrap();
    assert_eq!(verify().await, None);
    assert_eq!(streamed().await, (700_000, true));
    let path = folder.store.place_of(&object);
    let mut flipped = bytes.clone();
    flipped[350_000] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    assert_eq!(verify().await, Some(Damage::Digest));
    let (given, is_ok) = streamed().await;
    assert!(given < 700_000 && !is_ok, "the last piece is held back: {given}");
    std::fs::write(&path, &bytes[..350_000]).unwrap();
    assert_eq!(verify().await, Some(Damage::Length { has: 350_000, had: 700_000 }));
}

/// A folder's entries.
fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn no_folder_grows_with_the_number_of_jobs_and_all_are_their_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let root = folder.dir.path().join("store");
    for _ in 0..600 {
        folder.store.put(&Object::Original(JobId::random()), Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(folder.store.jobs().await.unwrap().len(), 600);
    let shards = entries(&root);
    assert!((200..=256).contains(&shards.len()), "{}", shards.len());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for shard in shards.iter().map(|shard| root.join(shard)) {
        let jobs = entries(&shard);
        assert!(jobs.len() < 20, "{jobs:?}");
        assert!(jobs.iter().all(|job| mode(&shard.join(job)) == 0o700), "{}", shard.display());
        assert_eq!(mode(&shard), 0o700);
    }
    assert_eq!((mode(&root), mode(&folder.dir.path().join("scratch"))), (0o700, 0o700));
}

#[tokio::test]
async fn a_job_of_an_earlier_version_is_read_written_swept_and_deleted_where_it_lies() {
    let (folder, old, new) = (folder(), JobId::random(), JobId::random());
    let flat = folder.dir.path().join("store").join(old.to_string());
    folder.store.put_manifest(&manifest(new)).await.unwrap();
    std::fs::create_dir(&flat).unwrap();
    std::fs::write(flat.join("job.json"), serde_json::to_vec(&manifest(old)).unwrap()).unwrap();
    std::fs::write(flat.join("original"), b"a picture").unwrap();
    std::fs::write(flat.join("0123456789abcdef.png#1"), b"x").unwrap();
    assert_eq!(folder.store.manifest(old).await.unwrap().unwrap().job, old);
    assert_eq!(folder.store.get(&Object::Original(old)).await.unwrap().unwrap(), "a picture");
    let mut both = [old, new];
    both.sort_unstable();
    assert_eq!(folder.store.jobs().await.unwrap(), both);
    let object = result(old);
    let mut writer = folder.store.writer(&object).await.unwrap();
    writer.write(Bytes::from_static(b"a result")).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(folder.store.size(&object).await.unwrap(), Some(8));
    assert_eq!(folder.store.sweep(Duration::ZERO).await.unwrap(), Swept { files: 1, folders: 0 });
    assert_eq!(entries(&flat).len(), 3, "the result lies beside what was there");
    folder.store.delete_job(old).await.unwrap();
    assert!(!flat.exists());
    assert_eq!(folder.store.jobs().await.unwrap(), [new]);
    assert!(folder.store.manifest(new).await.unwrap().is_some());
}
