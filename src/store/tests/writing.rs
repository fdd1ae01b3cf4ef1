//! Writing: an object is seen whole or not at all, and what failed leaves nothing.

use std::io::{Read, Write};

use super::*;
use crate::job::Digest;

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
