//! Damaged files and what becomes of their jobs, on a real Redis and in a folder.

use super::*;
use crate::ending::tests::Scene;
use crate::job::{Digest, Token};
use crate::state::{Claim, Mark, Marked};

const HOUR: Duration = Duration::from_secs(3600);
const RESULT: &[u8] = b"the bytes of a result";

/// A job that is done, and where its result lies.
async fn done(scene: &Scene) -> (JobView, std::path::PathBuf) {
    let (state, job) = (&scene.state, scene.queued(b"a picture").await);
    state.lease(job, &Token::random(), "s").await.unwrap();
    let claim = state.claim(job, 0, &Token::random(), &Token::random(), "rig").await.unwrap();
    let (Claim::Held { token } | Claim::Cleared { token, .. }) = claim else { panic!("{claim:?}") };
    let mark = Mark { job, stage: 0, token: token.clone(), index: 0, worker_number: 1, attempt: 1, run_ms: 2.0 };
    assert_eq!(state.mark(&[mark]).await.unwrap(), [Marked::Complete]);
    assert!(state.finishing(job, &token).await.unwrap().is_so());
    let object = Object::Result { job, token: token.clone(), ext: "png".to_owned() };
    scene.store.put(&object, RESULT.into()).await.unwrap();
    let end = EndMarker {
        job,
        run: 1,
        status: JobStatus::Done,
        reason: None,
        final_filename: Some(object.to_string()),
        bytes_out: RESULT.len() as u64,
        digest: Some(Digest::of(RESULT)),
        notices: Vec::new(),
        finished_at: now(),
    };
    scene.store.put_end(&end).await.unwrap();
    assert!(state.done(job, &token, &end, HOUR).await.unwrap().is_so());
    let view = state.job(job).await.unwrap().unwrap();
    assert_eq!((view.digest, view.bytes_out), (end.digest, end.bytes_out));
    (view, scene.store.place_of(&object))
}

fn flip(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn every_kind_of_damage_is_found_and_a_whole_job_has_none() {
    let scene = Scene::new().await;
    let (view, result) = done(&scene).await;
    let inspected = async || inspect(&scene.store, view.job, None).await.unwrap();
    assert_eq!(inspected().await, []);
    flip(&result);
    let found = inspected().await;
    assert_eq!((found.len(), &found[0].damage), (1, &Damage::Digest));
    // Another job's file, whole in itself.
    done(&scene).await;
    std::fs::write(&result, b"the bytes of another.").unwrap();
    assert_eq!(inspected().await[0].damage, Damage::Digest);
    std::fs::write(&result, &RESULT[..7]).unwrap();
    assert_eq!(inspected().await[0].damage, Damage::Length { has: 7, had: RESULT.len() as u64 });
    std::fs::remove_file(&result).unwrap();
    assert_eq!(inspected().await[0].damage, Damage::Missing);
    flip(&scene.store.place_of(&Object::Original(view.job)));
    assert_eq!(inspected().await.len(), 2);
    std::fs::write(scene.store.place_of(&Object::End(view.job)), b"{").unwrap();
    assert!(inspected().await.iter().any(|finding| finding.object == Object::End(view.job)));
}

#[tokio::test]
async fn a_damaged_result_is_made_anew_from_a_whole_picture() {
    let scene = Scene::new().await;
    let (view, result) = done(&scene).await;
    flip(&result);
    let replace = async || replace_result(&scene.state, &scene.store, &view, &Damage::Digest, HOUR).await.unwrap();
    assert_eq!(replace().await, Mended::Again);
    let after = scene.state.job(view.job).await.unwrap().unwrap();
    assert_eq!((after.status, after.run, after.final_filename, after.digest), (JobStatus::Queued, 2, None, None));
    assert!(!result.exists(), "nothing is left to be served");
    assert_eq!(replace().await, Mended::Nothing, "once is enough");
    scene.lose_redis().await;
    let after = scene.state.job(view.job).await.unwrap().unwrap();
    assert_eq!((after.status, after.run), (JobStatus::Queued, 2));
}

#[tokio::test]
async fn without_a_whole_picture_the_job_fails_and_says_what_to_do() {
    let scene = Scene::new().await;
    let (view, _) = done(&scene).await;
    flip(&scene.store.place_of(&Object::Original(view.job)));
    let mended = replace_result(&scene.state, &scene.store, &view, &Damage::Missing, HOUR).await.unwrap();
    assert_eq!(mended, Mended::Failed);
    scene.lose_redis().await;
    let after = scene.state.job(view.job).await.unwrap().unwrap();
    assert_eq!(after.status, JobStatus::Failed);
    let reason = after.reason.unwrap();
    assert!(reason.contains("damaged in the store") && reason.contains("send the picture again"), "{reason}");
}
