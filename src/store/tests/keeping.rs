//! Keeping: how jobs lie in folders, what is deleted with them, and what a sweep takes.

use std::path::Path;
use std::time::Duration;

use super::*;

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
