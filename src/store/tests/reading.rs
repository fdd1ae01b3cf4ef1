//! Reading: ranges, what is not there, descriptions of any version, and damage.

use futures_util::TryStreamExt;

use super::*;
use crate::job::{Digest, EndMarker, JobStatus};

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
